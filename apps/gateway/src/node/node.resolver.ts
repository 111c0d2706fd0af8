import type { GatewayContext } from '../graphql/context.js';
import type { ResolversOf } from '../graphql/complete.js';
import { type IdentifiedType, localId, readGlobalId } from '../graphql/global-id.js';
import { found, segmentNow } from '../graphql/loaders.js';
import type { ArchiveRequest, Customer, Export, ExportSchedule, Import, LabelHead, LabelSet, Model, PersonRequest, Segment, TrainingRun, Webhook, Workspace } from '../graphql/message.js';

type NodeOf = {
  ArchiveRequest: ArchiveRequest; Customer: Customer; Export: Export; ExportSchedule: ExportSchedule; Import: Import; LabelHead: LabelHead; LabelSet: LabelSet; Model: Model; PersonRequest: PersonRequest; Segment: Segment; TrainingRun: TrainingRun; Webhook: Webhook; Workspace: Workspace;
};

/** How each type that is a Node is found by its id. */
const FIND: { [Type in keyof NodeOf]: (id: string, context: GatewayContext) => Promise<NodeOf[Type] | undefined> } = {
  ArchiveRequest: async (id, { rpc }) => (await found(rpc.retention.getArchiveRequest({ id })))?.request,
  Customer: (id, { loaders }) => loaders.customer.load(id),
  Export: async (id, { rpc }) => (await found(rpc.exports.getExport({ id })))?.export,
  ExportSchedule: async (id, { rpc }) => (await found(rpc.exports.getExportSchedule({ id })))?.schedule,
  Import: (id, { loaders }) => loaders.import.load(id),
  LabelHead: (id, { loaders }) => loaders.labelHead.load(id),
  LabelSet: (id, { loaders }) => loaders.labelSet.load(id),
  Model: (id, { loaders }) => loaders.model.load(id),
  PersonRequest: async (id, { rpc }) => (await found(rpc.persons.getPersonRequest({ id })))?.request,
  Segment: (id, { loaders }) => loaders.segment.load(segmentNow(id)),
  TrainingRun: (id, { loaders }) => loaders.run.load(id),
  Webhook: async (id, { rpc }) => (await found(rpc.webhooks.getWebhook({ id })))?.webhook,
  Workspace: async (id, { rpc, caller }) => (id === caller.workspaceId ? (await rpc.access.getWorkspace({})).workspace : undefined),
};
/** Messages do not say their type: it is remembered from the id that was asked for. */
const typeOf = new WeakMap<object, keyof NodeOf>();

export const nodeQueries = {
  node: async (_root, args, context) => {
    const type = readGlobalId(args.id)?.type;
    if (type === undefined || !isNodeType(type)) return null;
    const id = localId(type as IdentifiedType, args.id);
    const node = id === undefined ? undefined : await FIND[type](id, context);
    if (node) typeOf.set(node, type);
    return node;
  },
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const nodeTypes: Pick<ResolversOf<'Node'>, 'Node'> = {
  Node: {
    __resolveType: (node) => typeOf.get(node) ?? 'Customer',
  },
};

function isNodeType(type: string): type is keyof NodeOf {
  return Object.hasOwn(FIND, type);
}
