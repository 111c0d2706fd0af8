import { useState, type ReactNode } from 'react';
import { SetTrackingPlanEventDocument, TrackingPlanDocument, type PlanMode } from '../gen/graphql';
import { Card, PageHead } from '../parts/card';
import { useNow } from '../parts/clock';
import { Badge } from '../parts/figures';
import { Empty, Loading, Problem } from '../parts/states';
import { unseen, Table } from '../parts/table';
import { useSay } from '../parts/toast';
import { sourceInWords } from '../intake/reasons';
import { useButtonAction } from '../session/action';
import { useReading } from '../session/reading';
import { useMay } from '../session/viewer';
import { count } from '../wording/figure';
import { ago, dateAndTime } from '../wording/time';
import type { Declared, Violation } from './plan';
import { DeclareDialog, RemoveDialog } from './plan-dialogs';

const LOOK_MS = 5000;

type Asked = { readonly what: 'declare'; readonly event: Declared | undefined } | { readonly what: 'remove'; readonly event: Declared };

/** What events should look like, where they are otherwise, and whether that keeps them out. */
export function PlanPage(): ReactNode {
  const { data, error, isLoading, again } = useReading(TrackingPlanDocument, {}, { everyMs: LOOK_MS });
  const [asked, setAsked] = useState<Asked>();
  const mayChange = useMay('ADMIN');
  const declare = mayChange && (
    <button type="button" className="button primary" onClick={() => setAsked({ what: 'declare', event: undefined })}>
      Declare an event
    </button>
  );
  const dialog = { onClose: () => setAsked(undefined), onChanged: again };
  return (
    <>
      <PageHead title="Tracking plan" below={<p className="quiet">What events should look like. Observed first: nothing is kept out before it is enforced.</p>} actions={declare} />
      {error && <Problem error={error} again={again} />}
      <Card title="Declared events" note={data && data.trackingPlan.version > 0 ? `version ${data.trackingPlan.version}` : undefined} flush>
        {isLoading && <Loading what="the plan" lines={4} />}
        {data?.trackingPlan.events.length === 0 && <Empty title="None yet">Events are taken as they come. Declare one to see where senders differ.</Empty>}
        {data && data.trackingPlan.events.length > 0 && <DeclaredTable events={data.trackingPlan.events} violations={data.trackingPlanViolations.nodes} ask={setAsked} onChanged={again} />}
      </Card>
      <Card title="Violations" note="of the last 30 days, by event, property and source" flush>
        {isLoading && <Loading what="violations" lines={4} />}
        {data?.trackingPlanViolations.nodes.length === 0 && <Empty title="None">Every event that is declared came as declared.</Empty>}
        {data && data.trackingPlanViolations.nodes.length > 0 && <ViolationTable violations={data.trackingPlanViolations.nodes} />}
      </Card>
      {asked?.what === 'declare' && <DeclareDialog event={asked.event} {...dialog} />}
      {asked?.what === 'remove' && <RemoveDialog event={asked.event} {...dialog} />}
    </>
  );
}

interface DeclaredTableProps {
  events: readonly Declared[];
  violations: readonly Violation[];
  ask: (asked: Asked) => void;
  onChanged: () => void;
}

function DeclaredTable({ events, violations, ask, onChanged }: DeclaredTableProps): ReactNode {
  const now = useNow();
  const mayChange = useMay('ADMIN');
  const say = useSay();
  const { isBusy, run } = useButtonAction(SetTrackingPlanEventDocument, 'TrackingPlan');
  const turn = async (event: string, mode: PlanMode): Promise<void> => {
    if (await run({ input: { event, mode } })) say(mode === 'ENFORCE' ? `“${event}” is enforced: what differs is refused and kept in quarantine.` : `“${event}” is observed: what differs is counted and stored.`);
    onChanged();
  };
  const seen = (event: string): number => violations.filter((violation) => violation.event === event).reduce((sum, violation) => sum + violation.count, 0);
  return (
    <Table columns={['Event', 'Mode', 'Violations', 'Declared', unseen('What to do')]}>
      {events.map((declared) => (
        <tr key={declared.event}>
          <th scope="row">{declared.event}</th>
          <td data-label="Mode">
            <Badge tone={declared.mode === 'ENFORCE' ? 'good' : 'plain'}>{declared.mode === 'ENFORCE' ? 'enforced' : 'observed'}</Badge>
          </td>
          <td data-label="Violations">{count(seen(declared.event))}</td>
          <td data-label="Declared" className="nowrap" title={`${dateAndTime(declared.setAt)} by ${declared.setBy}`}>
            {ago(declared.setAt, now)}
          </td>
          <td>
            {mayChange && (
              <span className="row tight nowrap end">
                <Turn declared={declared} isBusy={isBusy} onTurn={(mode) => void turn(declared.event, mode)} />
                <button type="button" className="button bare" aria-label={`Change ${declared.event}`} onClick={() => ask({ what: 'declare', event: declared })}>
                  Change
                </button>
                <button type="button" className="button bare" aria-label={`Remove ${declared.event}`} onClick={() => ask({ what: 'remove', event: declared })}>
                  Remove
                </button>
              </span>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Turn({ declared: { event, mode }, isBusy, onTurn }: { declared: Declared; isBusy: boolean; onTurn: (mode: PlanMode) => void }): ReactNode {
  const [words, next]: [string, PlanMode] = mode === 'ENFORCE' ? ['Observe', 'OBSERVE'] : ['Enforce', 'ENFORCE'];
  return (
    <button type="button" className="button bare" aria-label={`${words} ${event}`} disabled={isBusy} onClick={() => onTurn(next)}>
      {words}
    </button>
  );
}

function ViolationTable({ violations }: { violations: readonly Violation[] }): ReactNode {
  return (
    <Table columns={['Event', 'Property', 'Rule', 'From', 'Events', 'Refused', 'Last hour']}>
      {violations.map(({ event, property, rule, source, count: found, refused, lastHour, exampleMessageId }) => (
        <tr key={[event, property, rule, source].join('\n')}>
          <th scope="row">{event}</th>
          <td data-label="Property" className="mono" title={exampleMessageId ? `for example message id ${exampleMessageId}` : undefined}>
            {property || 'as a whole'}
          </td>
          <td data-label="Rule">{rule}</td>
          <td data-label="From">{sourceInWords(source)}</td>
          <td data-label="Events">{count(found)}</td>
          <td data-label="Refused">{count(refused)}</td>
          <td data-label="Last hour" className="nowrap">
            {dateAndTime(lastHour)}
          </td>
        </tr>
      ))}
    </Table>
  );
}
