import { setTimeout as wait } from 'node:timers/promises';

import { person } from '#libs/contracts';

import { type IngestionUnderTest, startIngestion } from './ingestion-under-test.js';
import { type PeersStandIn, startPeersStandIn } from './peers-stand-in.js';

/** Ingestion with those whom requests of persons ask, and such requests. */
export class PersonHouse {
  #open: { readonly peers: PeersStandIn; readonly kindred: IngestionUnderTest } | undefined;

  async open(): Promise<void> {
    const peers = await startPeersStandIn();
    const kindred = await startIngestion({ LEDGER_RECONCILE_SECONDS: '0.05', SERVING_ADDRESS: peers.address, TRAINING_ADDRESS: peers.address });
    this.#open = { peers, kindred };
  }

  async close(): Promise<void> {
    await this.#open?.kindred.close();
    this.#open?.peers.close();
  }

  get peers(): PeersStandIn {
    return this.#rooms.peers;
  }

  get kindred(): IngestionUnderTest {
    return this.#rooms.kindred;
  }

  get call(): { readonly principal: string } {
    return { principal: this.kindred.principal };
  }

  get #rooms(): { readonly peers: PeersStandIn; readonly kindred: IngestionUnderTest } {
    if (!this.#open) throw new Error('The house is not open.');
    return this.#open;
  }

  /** Asks for the person with that user id; the request's id. */
  async start(kind: person.PersonRequestKind, id: string, of: 'userId' | 'anonymousId' = 'userId'): Promise<string> {
    const { request } = await this.kindred.persons.startPersonRequest({ kind, person: { $case: of, value: id } }, this.call);
    return request?.id ?? '';
  }

  async get(id: string): Promise<person.PersonRequest> {
    return (await this.kindred.persons.getPersonRequest({ id }, this.call)).request ?? person.PersonRequest.fromPartial({});
  }

  /** A request once it has ended, however it did. */
  async ended(id: string): Promise<person.PersonRequest> {
    for (;;) {
      const request = await this.get(id);
      if (request.finishedAt) return request;
      await wait(10);
    }
  }
}

/** A house for all tests of a file: open before the first of them, closed after the last. */
export function personHouse(): PersonHouse {
  const house = new PersonHouse();
  beforeAll(() => house.open());
  afterAll(() => house.close());
  return house;
}
