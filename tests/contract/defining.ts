import { definition } from '#libs/contracts';

import { membersOf, type ServingHouse, type ServingReplica, type TestEvent, type TestWorkspace, until } from './serving-house.js';

export const DAY = 86_400_000;
export type Condition = definition.CustomerCondition;

interface Between {
  readonly atLeast?: number;
  readonly atMost?: number;
}

const between = ({ atLeast, atMost }: Between) => ({ atLeast, atMost });
export const condition = (part: Partial<Condition>): Condition => ({ all: [], any: [], not: undefined, performed: undefined, memberOf: '', attribute: undefined, ...part });
export const performed = (event: string, withinDays: number | 'ever', times: Between, filters: definition.PropertyFilter[] = [], sum?: Between & { property: string }): Condition =>
  condition({ performed: { event, withinDays: withinDays === 'ever' ? 0 : withinDays, ever: withinDays === 'ever', filters, ...between(times), sum: sum && { property: sum.property, ...between(sum) } } });
export const rule = (name: string, given: Condition) => ({ name, description: '', condition: given, customers: undefined });
export const list = (name: string, ids: readonly string[]) => ({ name, description: '', condition: undefined, customers: { userIds: ids.map((id) => `user-${id}`) } });

/** Makes segments of a house by a replica, and asks who is in them. */
export class Defining {
  constructor(
    private readonly house: ServingHouse,
    private readonly replica: ServingReplica,
  ) {}

  async create({ call }: TestWorkspace, request: definition.CreateDefinedSegmentRequest): Promise<string> {
    const { definition: made } = await this.replica.definitions.createDefinedSegment(request, call);
    return made?.segmentId ?? '';
  }

  /** The list and the count that comes with it, which must agree. */
  async members(workspace: TestWorkspace, segmentId: string): Promise<string[]> {
    const answer = await membersOf(this.replica, workspace, segmentId);
    const { segments } = await this.replica.segments.getSegments({ ids: [segmentId], modelId: '', asOf: undefined }, workspace.call);
    const ids = answer.members.map(({ customerId }) => customerId).sort();
    const counts = [answer.pageInfo?.totalCount, ...(answer.asOf === segments[0]?.asOf ? [segments[0]?.size] : [])];
    if (counts.some((count) => count !== ids.length)) throw new Error(`a list of ${ids.length} is counted as ${counts.join(' and ')}`);
    return ids;
  }

  /** Events that the feed shows. */
  async track({ id }: TestWorkspace, events: readonly TestEvent[]): Promise<void> {
    await this.house.track(id, events);
    await this.house.untilShown(id);
  }

  settled(workspace: TestWorkspace, segmentId: string) {
    return until(() => this.replica.definitions.getSegmentDefinition({ segmentId }, workspace.call), ({ definition: seen }) => seen?.progress === 1);
  }

  becomes(workspace: TestWorkspace, segmentId: string, ids: readonly string[]): Promise<string[]> {
    return until(() => this.members(workspace, segmentId), (seen) => JSON.stringify(seen) === JSON.stringify([...ids].sort()));
  }

  /** Changes of a segment so far, oldest first: who came (+) and who left (-). */
  async told({ id }: TestWorkspace, segmentId: string): Promise<string[]> {
    const { rows } = await this.house.owner.query<{ what: string }>(
      `select case when to_segment_id = $2 then '+' else '-' end || customer_id as what from serving.membership_changes
       where workspace_id = $1 and $2 in (from_segment_id, to_segment_id) order by xid, sequence`,
      [id, segmentId],
    );
    return rows.map(({ what }) => what);
  }

  /** As identify does: what is told, and an event of it. */
  async identify({ id }: TestWorkspace, customerId: string, attributes: object): Promise<void> {
    await this.house.owner.query(
      `insert into ingestion.subject_attributes (workspace_id, subject_id, name, value, occurred_at)
       select $1, $2, key, value, now() from jsonb_each($3::jsonb)
       on conflict (workspace_id, subject_id, name) do update set value = excluded.value, occurred_at = excluded.occurred_at`,
      [id, customerId, JSON.stringify(attributes)],
    );
    await this.house.track(id, [{ customerId, type: 'identify', name: '' }]);
  }
}
