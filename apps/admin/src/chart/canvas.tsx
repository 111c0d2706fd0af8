import type { ECElementEvent } from 'echarts/core';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { init, type ChartOption } from './echarts';
import { paper, type Paper } from './paper';

/** A hand draws hundreds. */
const MOST_CORNERS = 200;

type Drawing = ReturnType<typeof init>;

export interface ChartProps {
  /** What the picture shows, for those who do not see it. */
  label: string;
  /** In pixels; or as high as the card is, beside a higher one. */
  height: number | 'fill';
  option: (paper: Paper) => ChartOption;
  onClick?: (event: ECElementEvent) => void;
  /** An area that was drawn around something: its corners, in what the axes measure. The picture has a `brush` then. */
  onLasso?: ((corners: { x: number; y: number }[]) => void) | undefined;
}

/** A picture: drawn anew for light and dark, and as wide as there is room. */
export default function Canvas({ label, height, option, onClick, onLasso }: ChartProps): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const [drawing, setDrawing] = useState<Drawing>();
  const sheet = usePaper();

  useEffect(() => {
    if (!place.current) return;
    const drawn = init(place.current, null, { renderer: 'canvas' });
    const resized = new ResizeObserver(() => drawn.resize());
    resized.observe(place.current);
    setDrawing(drawn);
    return () => {
      resized.disconnect();
      drawn.dispose();
    };
  }, []);

  useEffect(() => {
    drawing?.setOption(option(sheet), { notMerge: true });
    // Each new drawing lays the pen down.
    if (onLasso) drawing?.dispatchAction({ type: 'takeGlobalCursor', key: 'brush', brushOption: { brushType: 'polygon', brushMode: 'single' } });
  }, [drawing, onLasso, option, sheet]);

  useEffect(() => {
    if (!drawing || !onClick) return;
    drawing.on('click', onClick);
    return () => {
      if (!drawing.isDisposed()) drawing.off('click', onClick);
    };
  }, [drawing, onClick]);

  useEffect(() => {
    if (!drawing || !onLasso) return;
    const drawn = (event: unknown): void => {
      const corners = (event as { areas?: { coordRange?: [number, number][] }[] }).areas?.[0]?.coordRange ?? [];
      const step = Math.ceil(corners.length / MOST_CORNERS);
      if (corners.length > 2) onLasso(corners.filter((_, at) => at % step === 0).map(([x, y]) => ({ x, y })));
    };
    drawing.on('brushEnd', drawn);
    return () => {
      if (!drawing.isDisposed()) drawing.off('brushEnd', drawn);
    };
  }, [drawing, onLasso]);

  return <div ref={place} className={height === 'fill' ? 'picture fill' : 'picture'} role="img" aria-label={label} style={height === 'fill' ? {} : { height }} />;
}

/** The paper of the scheme that holds now: another one in the dark. */
function usePaper(): Paper {
  const [sheet, setSheet] = useState(paper);
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const turn = (): void => setSheet(paper());
    query.addEventListener('change', turn);
    return () => query.removeEventListener('change', turn);
  }, []);
  return sheet;
}
