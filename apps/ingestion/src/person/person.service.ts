import type { Logger } from 'pino';
import { v7 as uuid } from 'uuid';

import type { person } from '#libs/contracts';
import { RpcError } from '#libs/grpc';
import type { JobQueue, RequestPayload } from '#libs/queue';

import { type Cut, pageOf } from '../page.js';
import { personRequestOf } from './person.mapper.js';
import type { PersonKey, PersonRequestKind, PersonRequestRepository } from './person.repository.js';
import { givenId } from './person.subjects.js';

/** Takes people's requests, and tells how they get on. */
export class PersonService {
  constructor(
    private readonly repository: PersonRequestRepository,
    private readonly queue: JobQueue<RequestPayload>,
    private readonly log: Logger,
  ) {}

  /** Of somebody known only by refused events, or not yet at all, an id is enough to erase and to suppress. */
  async start(workspaceId: string, requestedBy: string, kind: PersonRequestKind, key: PersonKey): Promise<person.PersonRequest> {
    const customerId = await this.repository.customerOf(workspaceId, key);
    if (customerId === undefined && (kind === 'EXPORT' || key.kind === 'CUSTOMER')) {
      throw RpcError.notFound('No customer has this id.', { reason: 'CUSTOMER_UNKNOWN' });
    }
    const id = uuid();
    const externalIds = key.kind === 'CUSTOMER' ? [] : [givenId(key.kind, key.value)];
    const row = await this.repository.insert(workspaceId, { id, kind, requestedBy, externalIds, customerIds: customerId === undefined ? [] : [customerId] });
    await this.queue.enqueue({ workspaceId, requestId: id }).catch((error: unknown) => this.log.warn({ err: error, requestId: id }, 'the request waits for the queue'));
    return personRequestOf(row);
  }

  async get(workspaceId: string, id: string): Promise<person.PersonRequest> {
    const row = await this.repository.find(workspaceId, id);
    if (!row) throw RpcError.notFound(`There is no request ${id}.`, { reason: 'PERSON_REQUEST_UNKNOWN' });
    return personRequestOf(row);
  }

  async list(workspaceId: string, cut: Cut): Promise<person.ListPersonRequestsResponse> {
    const { rows, total } = await this.repository.list(workspaceId, cut);
    const page = pageOf(rows, cut, total, ({ id }) => [id]);
    return { requests: page.rows.map(personRequestOf), pageInfo: page.pageInfo };
  }
}
