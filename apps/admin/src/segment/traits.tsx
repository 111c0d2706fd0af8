import type { ReactNode } from 'react';
import type { TraitPartFragment } from '../gen/graphql';
import { number, Table } from '../parts/table';
import { figure, liftInWords, liftPosition, percent } from '../wording/figure';
import { comparesItself, liftInShort, traitInShort } from './trait';
import './traits.css';

/** The few that say most, beside a segment's name. */
export function TraitChips({ traits }: { traits: readonly TraitPartFragment[] }): ReactNode {
  if (traits.length === 0) return <span className="quiet">nothing that stands out</span>;
  return (
    <ul className="chips">
      {traits.map((trait) => (
        <li key={trait.key} className="chip trait-chip" title={trait.label}>
          <span aria-hidden="true" className={trait.lift >= 1 ? 'more' : 'less'} />
          <span>
            {traitInShort(trait)} {!comparesItself(trait) && <b>{liftInShort(trait)}</b>}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** A trait's figure as people read it. */
export function inUnit(value: number, unit: string): string {
  return unit === 'share' ? percent(value) : `${figure(value)}${unit ? ` ${unit}` : ''}`;
}

/** Every trait with its lift: a bar to the right where there is more of it than elsewhere, to the left where there is less. */
export function TraitTable({ traits }: { traits: readonly TraitPartFragment[] }): ReactNode {
  return (
    <Table columns={['Trait', 'Against everyone else', number('Here'), number('Others')]} className="traits">
      {traits.map((trait) => (
        <tr key={trait.key}>
          <th scope="row">{traitInShort(trait)}</th>
          <td>
            <LiftBar lift={trait.lift} />
            <span className="small quiet">{liftInWords(trait.lift)}</span>
          </td>
          <td className="number" data-label="Here">
            <span>{inUnit(trait.segmentValue, trait.unit)}</span>
          </td>
          <td className="number quiet" data-label="Others">
            <span>{inUnit(trait.restValue, trait.unit)}</span>
          </td>
        </tr>
      ))}
    </Table>
  );
}

function LiftBar({ lift }: { lift: number }): ReactNode {
  const position = liftPosition(lift);
  const width = `${Math.max(Math.abs(position) * 50, 1)}%`;
  const style = position >= 0 ? { left: '50%', width } : { right: '50%', width };
  return (
    <span className="lift" aria-hidden="true">
      <span className={position >= 0 ? 'more' : 'less'} style={style} />
    </span>
  );
}
