import type { ReactNode } from 'react';
import type { ModelDetailQuery } from '../gen/graphql';
import { Card } from '../parts/card';
import { Badge } from '../parts/figures';
import { number, Table } from '../parts/table';
import { count, counted, figure, percent } from '../wording/figure';
import { MUCH_DRIFT } from './drift';

type Profile = NonNullable<NonNullable<ModelDetailQuery['model']>['profile']>;

const DRIFT = `Population stability index of the later half of the data against the earlier one; more than ${MUCH_DRIFT} is much`;

/** What the data were like that a model learned from, and what was taken from them. */
export function ProfileCards({ profile }: { profile: Profile }): ReactNode {
  return (
    <>
      <Card title="Taken from its data">
        <dl className="facts">
          {takenFrom(profile).map(([what, words]) => (
            <div key={what}>
              <dt>{what}</dt>
              <dd>{words}</dd>
            </div>
          ))}
        </dl>
      </Card>
      <PropertiesCard profile={profile} />
    </>
  );
}

function PropertiesCard({ profile: { properties, isGuarded } }: { profile: Profile }): ReactNode {
  const kept = properties.filter(({ isKept }) => isKept).length;
  const unguarded = isGuarded ? '' : ', and none left out for telling who somebody is';
  return (
    <Card title="Properties of its events" note={`${count(kept)} of ${counted(properties.length, 'property', 'properties')} seen${unguarded}`} flush>
      <Table columns={['Property', 'Kind', number('Missing'), number('Values'), number('Drift', DRIFT), 'Seen']}>
        {properties.map(({ name, kind, missing, distinct, drift, isKept, reason }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td data-label="Kind">{kind}</td>
            <td className="number nowrap" data-label="Missing">{percent(missing)}</td>
            <td className="number" data-label="Values">{count(distinct)}</td>
            <td className="number" data-label="Drift">{drift > MUCH_DRIFT ? <Badge tone="warn">{drift.toFixed(2)}</Badge> : drift.toFixed(2)}</td>
            <td data-label="Seen">
              {isKept ? 'yes' : 'no'}
              {reason && <span className="small quiet">: {reason}</span>}
            </td>
          </tr>
        ))}
      </Table>
    </Card>
  );
}

function takenFrom({ encoder, objectives, halfLifeDays, horizonDays, mainEvents, valueProperty, begunAnewBecause }: Profile): [string, string][] {
  const listed = (values: readonly (number | string)[]) => values.map((value) => (typeof value === 'number' ? figure(value) : value)).join(', ');
  return [
    ['Encoder', encoder],
    ['Learned by', listed(objectives.map(({ name, weight }) => (weight === 1 ? name : `${name} (${figure(weight)})`)))],
    ['Half-lives', halfLifeDays.length > 0 ? `${listed(halfLifeDays)} days` : 'none: it keeps no sums'],
    ['Foresees', `${listed(horizonDays)} days ahead`],
    ['Main events', listed(mainEvents)],
    ['Value', valueProperty ?? 'none'],
    ['Began', begunAnewBecause === null || begunAnewBecause === undefined ? 'from the served model' : `anew: ${begunAnewBecause}`],
  ];
}
