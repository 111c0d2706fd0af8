import { counting, type exporting, serving } from '#libs/contracts';

import type { ResolversOf } from '../graphql/complete.js';
import type { Loaders } from '../graphql/loaders.js';
import type { CountBasis, Segment } from '../graphql/message.js';
import { present } from '../graphql/present.js';

const { MODEL, RULES, NOBODY } = counting.CountFollower;

/** By a model, as far as it is told with a count. */
export function countedByModel({ modelId, asOf }: { modelId: string; asOf: string | undefined }): CountBasis {
  return { follower: MODEL, modelId, asOf };
}

/** What is stored, counted when it was asked for. */
export function countedAsStored(asOf: string | undefined): CountBasis {
  return { follower: NOBODY, modelId: '', asOf };
}

/** What the sizes of segments are of that were read together. */
export function basisOfSizes(sizes: counting.CountBasis | undefined, past: string | undefined): CountBasis {
  const counted = present(sizes, 'basis');
  return { follower: MODEL, modelId: counted.modelId, asOf: counted.asOf, counted, isPast: past !== undefined };
}

/** Who is in a segment that people define by a rule or a list, no model says; one by example lies in the space of the champion. */
export function basisOfSize({ kind, asOf, past, sizes }: Segment): CountBasis {
  const isPast = past !== undefined;
  if (kind === serving.SegmentKind.RULE) return { follower: RULES, modelId: '', asOf, isPast };
  if (kind === serving.SegmentKind.STATIC) return { follower: NOBODY, modelId: '', asOf, isPast };
  return basisOfSizes(sizes, past);
}

/** As it was kept with a count that was made then; older ones say less. */
export function basisThen({ asOf, modelId, newestEventAt, placed, unseen }: Pick<exporting.ExportManifest, 'asOf' | 'modelId' | 'newestEventAt' | 'placed' | 'unseen'>): CountBasis {
  const counted = placed === undefined || unseen === undefined ? undefined : { asOf, modelId, newestEventAt, placed, unseen };
  return { follower: MODEL, modelId, asOf, counted, isPast: true };
}

/** Undefined of an earlier time: how far things had come then is not kept. */
async function reachOf({ follower, modelId, isPast }: CountBasis, loaders: Loaders): Promise<counting.GetCountReachResponse | undefined> {
  return isPast ? undefined : loaders.countReach.load({ follower, modelId });
}

/** Whom the model has read, undefined where none counted. */
async function readBy(basis: CountBasis, loaders: Loaders): Promise<Pick<counting.CountBasis, 'placed' | 'unseen'> | undefined> {
  return basis.modelId === '' ? undefined : (basis.counted ?? (await reachOf(basis, loaders))?.basis);
}

/** Everyone there is, undefined where that is not kept. Whoever was read after everyone was counted is there as well. */
async function everyone(basis: CountBasis, loaders: Loaders): Promise<{ customers: number; read: number | undefined } | undefined> {
  const [reach, by] = await Promise.all([reachOf(basis, loaders), readBy(basis, loaders)]);
  const read = by && by.placed + by.unseen;
  return reach && { customers: Math.max(reach.customers, read ?? 0), read };
}

/** Of what is stored, counted when it was asked for: at this time or after. */
export function countedAt(_counted: unknown, _args: object, { askedAt }: { readonly askedAt: number }): string {
  return new Date(askedAt).toISOString();
}

export const countTypes: ResolversOf<'CountBasis' | 'PageInfo'> = {
  PageInfo: { countedAt },
  CountBasis: {
    asOf: async (basis, _args, { loaders }) => present(basis.asOf ?? (await reachOf(basis, loaders))?.basis?.asOf, 'asOf'),
    model: ({ modelId }, _args, { loaders }) => (modelId === '' ? null : loaders.model.load(modelId)),
    customers: async (basis, _args, { loaders }) => (await everyone(basis, loaders))?.customers,
    placed: async (basis, _args, { loaders }) => (await readBy(basis, loaders))?.placed,
    unlikeAnythingSeen: async (basis, _args, { loaders }) => (await readBy(basis, loaders))?.unseen,
    notYetRead: async (basis, _args, { loaders }) => {
      const there = await everyone(basis, loaders);
      return there?.read === undefined ? null : there.customers - there.read;
    },
    newestEventAt: async (basis, _args, { loaders }) => (basis.counted ?? (await reachOf(basis, loaders))?.basis)?.newestEventAt,
    eventsBehind: async (basis, _args, { loaders }) => (await reachOf(basis, loaders))?.eventsBehind,
    secondsBehind: async (basis, _args, { loaders }) => (await reachOf(basis, loaders))?.secondsBehind,
  },
};
