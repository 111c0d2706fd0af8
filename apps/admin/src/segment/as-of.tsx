import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { counted } from '../wording/figure';
import { dateAndTime } from '../wording/time';

interface AsOfProps {
  asOf: string;
  model: { id: string; version: number } | null;
  population: number;
}

/** What counts are as of, by which model, and over whom: said wherever something is counted. */
export function AsOf({ asOf, model, population }: AsOfProps): ReactNode {
  return (
    <p className="as-of">
      as of <time dateTime={asOf}>{dateAndTime(asOf)}</time>
      {model && (
        <>
          , by <Link to={`/models/${encodeURIComponent(model.id)}`}>model v{model.version}</Link>
        </>
      )}
      , over {counted(population, 'customer')}
    </p>
  );
}
