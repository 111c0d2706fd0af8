import { Module } from '@nestjs/common';

import { ChangeModule } from '../change/change.module.js';
import { DeliveryRepository } from './delivery.repository.js';
import { DeliveryRound } from './delivery.round.js';
import { WebhookController } from './webhook.controller.js';
import { WebhookDispatcher } from './webhook.dispatcher.js';
import { WebhookProcessor } from './webhook.processor.js';
import { WebhookQueue } from './webhook.queue.js';
import { WebhookRepository } from './webhook.repository.js';
import { WebhookService } from './webhook.service.js';

@Module({
  imports: [ChangeModule],
  controllers: [WebhookController],
  providers: [WebhookService, WebhookRepository, DeliveryRepository, DeliveryRound, WebhookQueue, WebhookProcessor, WebhookDispatcher],
})
export class WebhookModule {}
