import { createContext, use, useMemo, type CSSProperties, type ReactNode } from 'react';
import { Link } from 'react-router';
import { SegmentLooksDocument } from '../gen/graphql';
import { useReading } from '../session/reading';
import { looksOf, NO_SEGMENT, type Look, type Shape } from './look';

type LookOf = (id: string | null | undefined) => Look;

const LooksContext = createContext<LookOf>(() => NO_SEGMENT);

export function useLooks(): LookOf {
  return use(LooksContext);
}

/** Gives each segment one look for the whole page, pictures and tables alike. */
export function SegmentLooks({ children }: { children: ReactNode }): ReactNode {
  const { data } = useReading(SegmentLooksDocument, {});
  const lookOf = useMemo<LookOf>(() => {
    // A list of coarser or of finer segments may hold some of the main level, never one of the other two.
    const main = new Set(data?.main.nodes.map(({ id }) => id));
    const looks = looksOf(main);
    for (const level of [data?.coarser, data?.finer]) {
      const others = level?.nodes.map(({ id }) => id).filter((id) => !main.has(id)) ?? [];
      for (const [id, look] of looksOf(others, main.size)) looks.set(id, look);
    }
    return (id) => (id ? looks.get(id) : undefined) ?? NO_SEGMENT;
  }, [data]);
  return <LooksContext value={lookOf}>{children}</LooksContext>;
}

const OUTLINES: Record<Shape, ReactNode> = {
  circle: <circle cx="6" cy="6" r="5.5" />,
  square: <rect x="1" y="1" width="10" height="10" rx="2" />,
  diamond: <path d="M6 0 12 6 6 12 0 6Z" />,
  triangle: <path d="M6 .8 12 11.2H0Z" />,
};

export function SegmentMark({ id }: { id: string | null | undefined }): ReactNode {
  const { colour, shape } = useLooks()(id);
  return (
    <svg className="segment-mark" viewBox="0 0 12 12" style={{ '--mark': colour } as CSSProperties} aria-hidden="true">
      {OUTLINES[shape]}
    </svg>
  );
}

/** A segment's mark and name, leading to its page; or that nothing fits. */
export function SegmentName({ segment, link = true }: { segment: { id: string; name: string } | null | undefined; link?: boolean }): ReactNode {
  return (
    <span className="segment-name">
      <SegmentMark id={segment?.id} />
      {!segment ? (
        <span className="quiet">Unlike anything seen</span>
      ) : link ? (
        <Link className="plain" to={`/segments/${encodeURIComponent(segment.id)}`}>
          {segment.name}
        </Link>
      ) : (
        segment.name
      )}
    </span>
  );
}
