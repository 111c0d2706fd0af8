import { Module } from '@nestjs/common';

import { SERVICE } from '#libs/service';

import { ChangeModule } from '../change/change.module.js';
import type { Context } from '../store.js';
import { UnusualModule } from '../unusual/unusual.module.js';
import { WorkspaceModule } from '../workspace/workspace.module.js';
import { DeliveryMaker } from './delivery.maker.js';
import { DeliveryRepository } from './delivery.repository.js';
import { DeliveryRound } from './delivery.round.js';
import { SecretRotation } from './secret.rotation.js';
import { SecretSeal } from './secret.seal.js';
import { WebhookController } from './webhook.controller.js';
import { WebhookDispatcher } from './webhook.dispatcher.js';
import { WebhookFeed } from './webhook.feed.js';
import { WebhookProcessor } from './webhook.processor.js';
import { WebhookQueue } from './webhook.queue.js';
import { WebhookRepository } from './webhook.repository.js';
import { WebhookService } from './webhook.service.js';

@Module({
  imports: [ChangeModule, UnusualModule, WorkspaceModule],
  controllers: [WebhookController],
  providers: [
    WebhookService, WebhookRepository, DeliveryMaker, DeliveryRepository, DeliveryRound, WebhookFeed, WebhookQueue, WebhookProcessor, WebhookDispatcher, SecretRotation,
    { provide: SecretSeal, inject: [SERVICE], useFactory: ({ config }: Context) => new SecretSeal(config.WEBHOOK_SECRET_KEYS, config.PRINCIPAL_SECRET) },
  ],
})
export class WebhookModule {}
