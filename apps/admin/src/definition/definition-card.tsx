import { useEffect, useRef, type ReactNode } from 'react';
import { Link } from 'react-router';
import { SegmentDefinitionDocument, SegmentsDocument, type CustomerConditionInput } from '../gen/graphql';
import { Card } from '../parts/card';
import { Loading, Notice, Problem } from '../parts/states';
import { useReading } from '../session/reading';
import { useMay } from '../session/viewer';
import { percent } from '../wording/figure';
import { dateAndTime } from '../wording/time';
import { inWords, type Words } from './condition';
import { NoticesOf } from './rule-notices';
import './definition.css';

const LOOK_MS = 3_000;

/** How a person defined the segment, and how far that is followed; `onProgress`: its members have come or gone. */
export function DefinitionCard({ id, onProgress }: { id: string; onProgress: () => void }): ReactNode {
  const { data, error, again } = useReading(SegmentDefinitionDocument, { id }, { everyMs: LOOK_MS });
  const progress = data?.segmentDefinition?.progress;
  const seen = useRef(progress);
  useEffect(() => {
    if (seen.current === progress) return;
    if (seen.current !== undefined) onProgress();
    seen.current = progress;
  }, [onProgress, progress]);
  const { data: all } = useReading(SegmentsDocument, {});
  const mayEdit = useMay('EDITOR');
  const held = data?.segmentDefinition;
  if (error && !data) return <Problem error={error} again={again} />;
  if (data && !held) return null;
  const condition = held?.condition as CustomerConditionInput | null | undefined;
  // A rule that cannot be read has no condition, and says so.
  const isRule = Boolean(condition ?? held?.failure);
  const words = condition && inWords(condition, (segmentId) => all?.segments.nodes.find((segment) => segment.id === segmentId)?.name);
  return (
    <Card
      title={isRule ? 'The rule' : 'The list'}
      note={held && `changed ${dateAndTime(held.changedAt)}`}
      actions={
        mayEdit && (
          <Link className="button" to={`/segments/${encodeURIComponent(id)}/definition`}>
            {isRule ? 'Change the rule' : 'Give another list'}
          </Link>
        )
      }
    >
      {!held && <Loading what="how it is defined" lines={3} />}
      {held && (
        <div className="stack tight">
          {held.failure && (
            <Notice tone="bad" title="The rule is left out for now">
              {held.failure} Its members stay as they are; it is tried again every minute.
            </Notice>
          )}
          {words && <Sentence words={words} />}
          {words && mayEdit && <NoticesOf id={id} />}
          {!isRule && <p className="quiet">The customers whom somebody listed: events change nothing of it.</p>}
          {held.progress < 1 && <p className="quiet small">{percent(held.progress)} of everyone looked at since it was changed; its members come as it goes.</p>}
        </div>
      )}
    </Card>
  );
}

export function Sentence({ words }: { words: Words }): ReactNode {
  if (typeof words === 'string') return <p>A customer who meets this: {words}.</p>;
  return (
    <div className="stack tight">
      <p>A customer who meets {words.join} these:</p>
      <Parts parts={words.parts} />
    </div>
  );
}

function Parts({ parts }: { parts: readonly Words[] }): ReactNode {
  return (
    <ul className="rule-words">
      {parts.map((part, at) => (
        <li key={at}>
          {typeof part === 'string' ? (
            part
          ) : (
            <>
              {part.join} these:
              <Parts parts={part.parts} />
            </>
          )}
        </li>
      ))}
    </ul>
  );
}
