import { useId, type ReactNode } from 'react';
import { CustomerLink } from '../customer/customer-link';
import type { RegionSizesFragment } from '../gen/graphql';
import { count, counted, percent } from '../wording/figure';
import './region.css';

interface ThresholdProps {
  region: RegionSizesFragment;
  threshold: number;
  onThreshold: (threshold: number) => void;
}

/** How close members have to be: moved from the closest few to most of all, with how many that makes. */
export function Threshold({ region, threshold, onThreshold }: ThresholdProps): ReactNode {
  const label = useId();
  const { sizes, population, isExact } = region;
  const place = placeOf(sizes, threshold);
  // Of another threshold than was asked for the nearest that is known; its own lies between the slider's.
  const size = threshold === region.threshold ? region.size : (sizes[place]?.size ?? region.size);
  return (
    <div className="threshold">
      <p>
        <strong>{counted(size, 'customer')}</strong> <span className="quiet">of {count(population)}{!isExact && ', estimated'}</span>
      </p>
      <label id={label} className="field">
        From the closest to many
        <input
          type="range"
          min={0}
          max={Math.max(0, sizes.length - 1)}
          value={place}
          aria-valuetext={counted(size, 'customer')}
          onChange={({ target }) => onThreshold(sizes[Number(target.value)]?.threshold ?? threshold)}
        />
      </label>
      <p className="small quiet">
        Closeness of at least {threshold.toFixed(3)}. Drawn around {counted(region.examples, 'example')}; judged by the others, {percent(region.heldOut)} of them are in it.
      </p>
    </div>
  );
}

/** Who they are, and whom a slightly other threshold would move. */
export function Inhabitants({ region: { typical, border } }: { region: RegionSizesFragment }): ReactNode {
  return (
    <dl className="inhabitants">
      {([['Closest', typical], ['At the border', border]] as const).map(([title, customers]) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>
            {customers.map((customer) => (
              <CustomerLink key={customer.id} customer={customer} />
            ))}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Where the slider stands: the size of the nearest threshold. */
function placeOf(sizes: RegionSizesFragment['sizes'], threshold: number): number {
  const distance = (value: number): number => Math.abs(Math.log(value) - Math.log(threshold));
  return sizes.reduce((best, { threshold: value }, at) => (distance(value) < distance(sizes[best]?.threshold ?? Number.MIN_VALUE) ? at : best), 0);
}
