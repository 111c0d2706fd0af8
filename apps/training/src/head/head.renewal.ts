import { v7 as uuid } from 'uuid';

import type { Prisma, Transaction } from '#libs/database';

/** What a head is before it begins. */
export const IDLE = { state: 'QUEUED', fence: 0, cancelRequested: false, progress: 0, step: 'waiting to begin', remainingSeconds: 0 } as const;

/**
 * Where the head that speaks for a label set was to stand on the champion and another model is champion now, it is asked for again as it
 * was. To be called in the transaction that makes it so: when a model becomes champion, and when a head has succeeded that was begun
 * before. A label set that is busy is left alone, for the end of its head calls again; one that failed on this champion is not tried anew.
 */
export async function renewHeads(transaction: Transaction, workspaceId: string): Promise<void> {
  const champion = await transaction.trainedModel.findFirst({ where: { workspaceId, state: 'CHAMPION' }, select: { id: true } });
  if (!champion) return;
  const speaking = await transaction.head.findMany({ where: { workspaceId, state: 'SUCCEEDED' }, orderBy: { id: 'desc' }, distinct: ['labelSetId'] });
  const outdated = speaking.filter(({ followsChampion, modelId }) => followsChampion && modelId !== champion.id);
  for (const { labelSetId, spec, id } of outdated) {
    const isTried = await transaction.head.count({ where: { workspaceId, labelSetId, modelId: champion.id, id: { gt: id } } });
    if (isTried > 0) continue;
    const next = { workspaceId, id: uuid(), labelSetId, modelId: champion.id, followsChampion: true, spec: spec as Prisma.InputJsonValue, requestedBy: 'service:training' };
    // Another may be queued this very moment: only one at a time of each label set.
    const [row] = await transaction.head.createManyAndReturn({ data: [{ ...next, ...IDLE, createdAt: new Date() }], skipDuplicates: true });
    if (row) await transaction.openWork.create({ data: { workspaceId, kind: 'HEAD', id: row.id } });
  }
}
