import type { ReactNode } from 'react';
import { Link } from 'react-router';
import type { LineageKind, SegmentDetailQuery } from '../gen/graphql';
import { Card } from '../parts/card';
import { counted, percent } from '../wording/figure';
import { date } from '../wording/time';
import { SegmentName } from './looks';
import './life.css';

type Segment = NonNullable<SegmentDetailQuery['segment']>;
type Step = Segment['lineage'][number];

const WORDS: Record<LineageKind, string> = { BORN: 'Born', KEPT: 'Kept', SPLIT: 'Split', MERGED: 'Merged', RETIRED: 'Retired' };

/** What models did to a segment, and how each drew it: its id stays the same through all of it. */
export function Life({ segment }: { segment: Segment }): ReactNode {
  const versions = new Map(segment.versions.nodes.map((version) => [version.model?.id, version]));
  const steps = [...segment.lineage].sort((one, other) => other.at.localeCompare(one.at));
  return (
    <Card title="Its life" note="Across models">
      <ol className="life">
        {steps.map((step) => (
          <li key={`${step.at} ${step.kind}`} className={step.kind.toLowerCase()}>
            <div className="row tight">
              <b>{WORDS[step.kind]}</b>
              {step.model && <Link to={`/models/${encodeURIComponent(step.model.id)}`}>model v{step.model.version}</Link>}
              <span className="quiet small">{date(step.at)}</span>
            </div>
            <p className="small quiet">{said(step)}</p>
            <Drawn version={versions.get(step.model?.id)} />
            {step.relatedSegments.length > 0 && (
              <div className="small row tight">
                {step.relatedSegments.map((related) => (
                  <SegmentName key={related.id} segment={related} />
                ))}
              </div>
            )}
          </li>
        ))}
      </ol>
    </Card>
  );
}

function said({ kind, overlap }: Step): string {
  if (kind === 'BORN') return 'No former segment continues in it.';
  if (kind === 'RETIRED') return 'No new segment continues it.';
  return `${percent(overlap)} overlap with its former self.`;
}

function Drawn({ version }: { version: Segment['versions']['nodes'][number] | undefined }): ReactNode {
  if (!version) return null;
  return (
    <p className="small">
      {counted(version.sizeAtDiscovery, 'customer')} as “{version.name}”
      {version.stability !== null && <span className="quiet">, stability {version.stability.toFixed(2)}</span>}
    </p>
  );
}
