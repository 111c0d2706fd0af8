import { useState, type ReactNode } from 'react';
import { RejectedGroupsDocument } from '../gen/graphql';
import { reasonInWords, sourceInWords } from '../intake/reasons';
import { Card, PageHead } from '../parts/card';
import { useNow } from '../parts/clock';
import { Empty, Loading, Notice, Problem } from '../parts/states';
import { unseen, Table } from '../parts/table';
import { useReading } from '../session/reading';
import { useMay } from '../session/viewer';
import { count, counted } from '../wording/figure';
import { ago, dateAndTime } from '../wording/time';
import { nameOf, type RejectedGroup } from './group';
import { MendCard } from './mend-card';
import { DiscardDialog, MappingDialog } from './quarantine-dialogs';
import { useReplay, type Replay } from './replay';

const LOOK_MS = 5000;

/** What can be done with a group. */
type Deed = 'look' | 'replay' | 'map' | 'discard';
interface Asked {
  readonly what: 'map' | 'discard';
  readonly group: RejectedGroup;
}

/** What was refused, grouped by why and from where; to look at one, mend it, and take all in again. */
export function QuarantinePage(): ReactNode {
  const { data, error, isLoading, again } = useReading(RejectedGroupsDocument, {}, { everyMs: LOOK_MS });
  const [chosen, setChosen] = useState<RejectedGroup>();
  const [asked, setAsked] = useState<Asked>();
  const replay = useReplay();
  const groups = data?.rejectedEventGroups;
  const replayAll = async ({ reason, source }: RejectedGroup): Promise<void> => {
    await replay.begin({ reason, source });
    again();
  };
  const act = (deed: Deed, group: RejectedGroup): void => {
    if (deed === 'look') setChosen(group);
    else if (deed === 'replay') void replayAll(group);
    else setAsked({ what: deed, group });
  };
  const dialog = { onClose: () => setAsked(undefined), onChanged: again };
  return (
    <>
      <PageHead title="Quarantine" below={<p className="quiet">What could not be taken in, whole and with its reason. Mend the sender, the tracking plan or the event; then replay it.</p>} />
      <Outcome replay={replay} />
      <Card title="Refused, by reason and source" note={groups && groups.totalCount > groups.nodes.length ? `the first ${groups.nodes.length} of ${count(groups.totalCount)}` : undefined} flush>
        {error && <Problem error={error} again={again} />}
        {isLoading && <Loading what="the quarantine" lines={4} />}
        {groups?.nodes.length === 0 && <Empty title="Nothing waits">Every event that arrived was taken in, replayed or discarded.</Empty>}
        {groups && groups.nodes.length > 0 && (
          <Table columns={['Reason', 'From', 'How many', 'Last', unseen('What to do')]}>
            {groups.nodes.map((group) => (
              <Row key={`${group.reason} ${group.source}`} group={group} isBusy={replay.isRunning} act={(deed) => act(deed, group)} />
            ))}
          </Table>
        )}
      </Card>
      {chosen && <MendCard key={chosen.example.id} group={chosen} onMended={again} onClose={() => setChosen(undefined)} />}
      {asked?.what === 'discard' && <DiscardDialog group={asked.group} {...dialog} />}
      {asked?.what === 'map' && <MappingDialog group={asked.group} replay={replay} {...dialog} />}
    </>
  );
}

function Row({ group, isBusy, act }: { group: RejectedGroup; isBusy: boolean; act: (deed: Deed) => void }): ReactNode {
  const now = useNow();
  const mayReplay = useMay('EDITOR');
  const deed = (what: Deed, words: string): ReactNode => (
    <button type="button" className="button bare" aria-label={`${words}: ${nameOf(group)}`} disabled={isBusy && what !== 'look'} onClick={() => act(what)}>
      {words}
    </button>
  );
  return (
    <tr>
      <th scope="row">{reasonInWords(group.reason)}</th>
      <td data-label="From">{sourceInWords(group.source)}</td>
      <td data-label="How many">{count(group.count)}</td>
      <td data-label="Last" className="nowrap" title={dateAndTime(group.lastSeenAt)}>
        {ago(group.lastSeenAt, now)}
      </td>
      <td>
        <span className="row tight nowrap end">
          {deed('look', 'Look at one')}
          {mayReplay && deed('replay', 'Replay all')}
          {mayReplay && group.example.unit === 'ROW' && deed('map', 'Another mapping')}
          {mayReplay && deed('discard', 'Discard all')}
        </span>
      </td>
    </tr>
  );
}

/** How a replay goes, and what came of it. */
function Outcome({ replay: { replayed, isRunning, problem, stop } }: { replay: Replay }): ReactNode {
  if (problem) return <Notice tone="bad" title="The replay ended early">{problem}</Notice>;
  if (!replayed) return isRunning ? <Notice title="Replaying …" /> : null;
  const { stored, duplicate, stillRejected, detail } = replayed;
  const action = isRunning && (
    <button type="button" className="button" onClick={stop}>
      Stop
    </button>
  );
  return (
    <Notice tone={stillRejected > 0 ? 'warn' : 'good'} title={`${isRunning ? 'Replaying: ' : 'Replayed: '}${counted(stored, 'event')} stored, ${count(duplicate)} known before, ${count(stillRejected)} refused still`} action={action}>
      {detail}
    </Notice>
  );
}
