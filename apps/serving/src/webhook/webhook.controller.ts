import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, type Principal, Requires } from '#libs/auth';
import { webhook } from '#libs/contracts';

import { WebhookService } from './webhook.service.js';

type Member = Principal & { workspaceId: string };

@Controller()
@webhook.WebhookServiceControllerMethods()
@Requires('ADMIN')
export class WebhookController implements webhook.WebhookServiceController {
  constructor(private readonly webhooks: WebhookService) {}

  createWebhook(@Payload() request: webhook.CreateWebhookRequest, @Caller() { workspaceId }: Member): Promise<webhook.CreateWebhookResponse> {
    return this.webhooks.create(workspaceId, request);
  }

  updateWebhook(@Payload() request: webhook.UpdateWebhookRequest, @Caller() { workspaceId }: Member): Promise<webhook.UpdateWebhookResponse> {
    return this.webhooks.update(workspaceId, request);
  }

  deleteWebhook(@Payload() request: webhook.DeleteWebhookRequest, @Caller() { workspaceId }: Member): Promise<webhook.DeleteWebhookResponse> {
    return this.webhooks.delete(workspaceId, request);
  }

  getWebhook(@Payload() request: webhook.GetWebhookRequest, @Caller() { workspaceId }: Member): Promise<webhook.GetWebhookResponse> {
    return this.webhooks.get(workspaceId, request);
  }

  listWebhooks(@Payload() request: webhook.ListWebhooksRequest, @Caller() { workspaceId }: Member): Promise<webhook.ListWebhooksResponse> {
    return this.webhooks.list(workspaceId, request);
  }

  listDeliveriesOfWebhooks(
    @Payload() request: webhook.ListDeliveriesOfWebhooksRequest,
    @Caller() { workspaceId }: Member,
  ): Promise<webhook.ListDeliveriesOfWebhooksResponse> {
    return this.webhooks.logs(workspaceId, request);
  }

  replayWebhookDelivery(
    @Payload() request: webhook.ReplayWebhookDeliveryRequest,
    @Caller() { workspaceId }: Member,
  ): Promise<webhook.ReplayWebhookDeliveryResponse> {
    return this.webhooks.replay(workspaceId, request);
  }
}
