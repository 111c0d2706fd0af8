import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { webhook } from '#libs/contracts';

import { WebhookService } from './webhook.service.js';

@Controller()
@webhook.WebhookServiceControllerMethods()
@Requires('ADMIN')
export class WebhookController implements webhook.WebhookServiceController {
  constructor(private readonly webhooks: WebhookService) {}

  createWebhook(@Payload() request: webhook.CreateWebhookRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<webhook.CreateWebhookResponse> {
    return this.webhooks.create(workspaceId, request);
  }

  updateWebhook(@Payload() request: webhook.UpdateWebhookRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<webhook.UpdateWebhookResponse> {
    return this.webhooks.update(workspaceId, request);
  }

  rotateWebhookSecret(
    @Payload() request: webhook.RotateWebhookSecretRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<webhook.RotateWebhookSecretResponse> {
    return this.webhooks.rotateSecret(workspaceId, request);
  }

  deleteWebhook(@Payload() request: webhook.DeleteWebhookRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<webhook.DeleteWebhookResponse> {
    return this.webhooks.delete(workspaceId, request);
  }

  getWebhook(@Payload() request: webhook.GetWebhookRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<webhook.GetWebhookResponse> {
    return this.webhooks.get(workspaceId, request);
  }

  listWebhooks(@Payload() request: webhook.ListWebhooksRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<webhook.ListWebhooksResponse> {
    return this.webhooks.list(workspaceId, request);
  }

  listDeliveriesOfWebhooks(
    @Payload() request: webhook.ListDeliveriesOfWebhooksRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<webhook.ListDeliveriesOfWebhooksResponse> {
    return this.webhooks.logs(workspaceId, request);
  }

  replayWebhookDelivery(
    @Payload() request: webhook.ReplayWebhookDeliveryRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<webhook.ReplayWebhookDeliveryResponse> {
    return this.webhooks.replay(workspaceId, request);
  }
}
