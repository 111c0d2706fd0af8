import { access, counting, dataProfile, definition, explanation, exporting, foresight, history, identity, ingestion, label, pastReading, person, prediction, quarantine, region, retention, serving, similar, trackingPlan, training, unusual, unusualEvent, webhook } from '#libs/contracts';
import { connect, type RpcClient } from '#libs/grpc';

/** Where the services listen, `host:port` each. */
export interface BackendAddresses {
  readonly ACCESS_ADDRESS: string;
  readonly INGESTION_ADDRESS: string;
  readonly TRAINING_ADDRESS: string;
  readonly SERVING_ADDRESS: string;
}

/** A client of every service that the gateway delegates to; one channel each, used by all requests. */
export interface Backends {
  readonly access: RpcClient<typeof access.AccessServiceService>;
  readonly events: RpcClient<typeof ingestion.EventServiceService>;
  readonly customers: RpcClient<typeof ingestion.CustomerServiceService>;
  readonly identity: RpcClient<typeof identity.IdentityServiceService>;
  readonly persons: RpcClient<typeof person.PersonServiceService>;
  readonly retention: RpcClient<typeof retention.RetentionServiceService>;
  readonly imports: RpcClient<typeof ingestion.ImportServiceService>;
  readonly quarantine: RpcClient<typeof quarantine.QuarantineServiceService>;
  readonly plans: RpcClient<typeof trackingPlan.TrackingPlanServiceService>;
  readonly runs: RpcClient<typeof training.RunServiceService>;
  readonly models: RpcClient<typeof training.ModelServiceService>;
  readonly profiles: RpcClient<typeof dataProfile.DataProfileServiceService>;
  readonly labels: RpcClient<typeof label.LabelServiceService>;
  readonly heads: RpcClient<typeof label.HeadServiceService>;
  readonly predictions: RpcClient<typeof prediction.PredictionServiceService>;
  readonly memberships: RpcClient<typeof serving.MembershipServiceService>;
  readonly similarity: RpcClient<typeof similar.SimilarityServiceService>;
  readonly explanations: RpcClient<typeof explanation.ExplanationServiceService>;
  readonly segments: RpcClient<typeof serving.SegmentServiceService>;
  readonly definitions: RpcClient<typeof definition.SegmentDefinitionServiceService>;
  readonly regions: RpcClient<typeof region.RegionServiceService>;
  readonly unusual: RpcClient<typeof unusual.UnusualServiceService>;
  readonly unusualEvents: RpcClient<typeof unusualEvent.UnusualEventServiceService>;
  readonly foresight: RpcClient<typeof foresight.ForesightServiceService>;
  readonly webhooks: RpcClient<typeof webhook.WebhookServiceService>;
  readonly history: RpcClient<typeof history.HistoryServiceService>;
  readonly pastReadings: RpcClient<typeof pastReading.PastReadingServiceService>;
  readonly counting: RpcClient<typeof counting.CountingServiceService>;
  readonly exports: RpcClient<typeof exporting.ExportServiceService>;
}

export function connectBackends(at: BackendAddresses): Backends {
  return {
    access: connect(access.AccessServiceService, at.ACCESS_ADDRESS),
    events: connect(ingestion.EventServiceService, at.INGESTION_ADDRESS),
    customers: connect(ingestion.CustomerServiceService, at.INGESTION_ADDRESS),
    identity: connect(identity.IdentityServiceService, at.INGESTION_ADDRESS),
    persons: connect(person.PersonServiceService, at.INGESTION_ADDRESS),
    retention: connect(retention.RetentionServiceService, at.INGESTION_ADDRESS),
    imports: connect(ingestion.ImportServiceService, at.INGESTION_ADDRESS),
    quarantine: connect(quarantine.QuarantineServiceService, at.INGESTION_ADDRESS),
    plans: connect(trackingPlan.TrackingPlanServiceService, at.INGESTION_ADDRESS),
    runs: connect(training.RunServiceService, at.TRAINING_ADDRESS),
    models: connect(training.ModelServiceService, at.TRAINING_ADDRESS),
    profiles: connect(dataProfile.DataProfileServiceService, at.TRAINING_ADDRESS),
    labels: connect(label.LabelServiceService, at.TRAINING_ADDRESS),
    heads: connect(label.HeadServiceService, at.TRAINING_ADDRESS),
    predictions: connect(prediction.PredictionServiceService, at.SERVING_ADDRESS),
    memberships: connect(serving.MembershipServiceService, at.SERVING_ADDRESS),
    similarity: connect(similar.SimilarityServiceService, at.SERVING_ADDRESS),
    explanations: connect(explanation.ExplanationServiceService, at.SERVING_ADDRESS),
    segments: connect(serving.SegmentServiceService, at.SERVING_ADDRESS),
    definitions: connect(definition.SegmentDefinitionServiceService, at.SERVING_ADDRESS),
    regions: connect(region.RegionServiceService, at.SERVING_ADDRESS),
    unusual: connect(unusual.UnusualServiceService, at.SERVING_ADDRESS),
    unusualEvents: connect(unusualEvent.UnusualEventServiceService, at.SERVING_ADDRESS),
    foresight: connect(foresight.ForesightServiceService, at.SERVING_ADDRESS),
    webhooks: connect(webhook.WebhookServiceService, at.SERVING_ADDRESS),
    history: connect(history.HistoryServiceService, at.SERVING_ADDRESS),
    pastReadings: connect(pastReading.PastReadingServiceService, at.SERVING_ADDRESS),
    counting: connect(counting.CountingServiceService, at.SERVING_ADDRESS),
    exports: connect(exporting.ExportServiceService, at.SERVING_ADDRESS),
  };
}

export function closeBackends(backends: Backends): void {
  for (const client of Object.values(backends) as Backends[keyof Backends][]) client.close();
}

/** The same clients, every call signed with one principal. */
export function actingAs(backends: Backends, principal: string): Backends {
  const bound = Object.entries(backends).map(([name, client]) => [name, signed(client as object, principal)]);
  return Object.fromEntries(bound) as Backends;
}

function signed<Client extends object>(client: Client, principal: string): Client {
  return new Proxy(client, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return (request: unknown, call?: object) => (method as (request: unknown, call: object) => unknown)(request, { principal, ...call });
    },
  });
}
