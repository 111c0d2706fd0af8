import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { useLiveRun } from './live-run';
import { RunProgress } from './run-progress';
import { isEnded } from './state';

/** The run that goes on, above whatever it will change. */
export function RunBanner(): ReactNode {
  const { run } = useLiveRun();
  if (!run || isEnded(run)) return null;
  return (
    <section className="card" aria-label="The run that goes on">
      <div className="inside">
        <RunProgress run={run} more={<Link to={`/runs/${encodeURIComponent(run.id)}`}>Details</Link>} />
      </div>
    </section>
  );
}
