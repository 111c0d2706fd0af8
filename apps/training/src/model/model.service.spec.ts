import { pino } from 'pino';

import type { WorkspacePrincipal } from '#libs/auth';

import type { TrainingConfig } from '../training.config.js';
import type { ModelActivation } from './model.activation.js';
import type { ModelRepository, ModelRow, PromotionRow } from './model.repository.js';
import { ModelService } from './model.service.js';

const model = { id: '00000000-0000-7000-8000-000000000001', version: 2 } as ModelRow;
const promotion = { workspaceId: 'w', modelId: model.id, fence: 2, formerModelId: null, requestedBy: 'user:u', isRollback: false } as PromotionRow;

test('a promotion that a person waits for and the reconciler finds open is carried out once', async () => {
  const done: string[] = [];
  const loaded = Promise.withResolvers<void>();
  const repository = {
    promote: async () => promotion,
    judge: async () => promotion,
    get: async () => [model],
    complete: async () => {
      done.push('completed');
      return { ...model, segments: [], metrics: {} };
    },
  };
  const activation = {
    prepareShadow: async () => {
      done.push('loaded');
      await loaded.promise;
    },
    activate: async () => {
      done.push('switched');
      return { activatedAt: new Date(0), moved: 3 };
    },
  };
  const service = { config: { PROMOTION: 'AUTOMATIC' } as TrainingConfig, log: pino({ level: 'silent' }) };
  const models = new ModelService(repository as unknown as ModelRepository, activation as unknown as ModelActivation, service as never);
  const asked = models.promote({ workspaceId: 'w', actor: 'u' } as unknown as WorkspacePrincipal, model.id);
  const found = models.settle('w', model.id);
  loaded.resolve();
  await Promise.allSettled([asked, found]);
  expect(done).toEqual(['loaded', 'switched', 'completed']);
});
