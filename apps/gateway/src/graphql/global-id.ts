declare const global: unique symbol;

/** An id as the world sees it: which type, and which one of it. Branded, so that a service's own id is not sent out by mistake. */
export type GlobalId = string & { readonly [global]: true };

export type IdentifiedType =
  | 'ApiKey' | 'ArchiveRequest' | 'AuditEntry' | 'Customer' | 'CustomerMerge' | 'Event' | 'EventArchive' | 'Export' | 'ExportSchedule' | 'Import' | 'LabelHead' | 'LabelSet' | 'Model' | 'PersonRequest' | 'RejectedEvent' | 'Segment' | 'TrainingRun' | 'Upload'
  | 'Webhook' | 'WebhookDelivery' | 'Workspace';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const LONGEST = 1_000;

export function globalId(type: IdentifiedType, id: string): GlobalId {
  return Buffer.from(`${type}:${id}`, 'utf8').toString('base64url') as GlobalId;
}

/** Type and service's id, undefined for what was never made here. */
export function readGlobalId(id: string): { type: string; id: string } | undefined {
  if (id.length > LONGEST) return undefined;
  const [, type, own] = /^([A-Za-z]+):(.+)$/s.exec(Buffer.from(id, 'base64url').toString('utf8')) ?? [];
  return type !== undefined && own !== undefined ? { type, id: own } : undefined;
}

/** The service's id of a thing of this type, undefined for any other id: then there is no such thing. */
export function localId(type: IdentifiedType, id: string): string | undefined {
  const read = readGlobalId(id);
  return read?.type === type && UUID.test(read.id) ? read.id : undefined;
}
