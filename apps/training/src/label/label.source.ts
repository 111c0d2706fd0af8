import { Injectable } from '@nestjs/common';

import type { label } from '#libs/contracts';

import { Peers } from '../step/peers.js';
import type { GivenLabel } from './label.reading.js';

/** More are better learned from as events. */
const MOST_LABELS = 200_000;
/** Users whose customers ingestion is asked for at once. */
export const USERS_AT_ONCE = 5_000;

/** What a column of a file of labels may be called; case, blanks and underscores do not count. */
const COLUMNS = [
  { names: ['userId', 'customer', 'customerId'], required: true },
  { names: ['value', 'label'], required: true },
  { names: ['asOf'], required: false },
];

/** Where labels come from, and whom they are of: ingestion knows both files and customers. */
@Injectable()
export class LabelSource {
  constructor(private readonly peers: Peers) {}

  /** The labels of an uploaded file, piece by piece. */
  async *ofFile(workspaceId: string, { artifact, fileName }: { artifact: string; fileName: string }): AsyncGenerator<GivenLabel[]> {
    const request = { artifact, fileName, columns: COLUMNS, mostRows: MOST_LABELS };
    for await (const { rows } of this.peers.customers.readCustomerList(request, await this.peers.as(workspaceId))) {
      yield rows.map(({ line, cells: [userId = '', value = '', asOf = ''], fault }) => ({ line, userId, value, number: undefined, asOf, fault }));
    }
  }

  /** The labels of a list. */
  static ofList(labels: readonly label.Label[]): GivenLabel[] {
    return labels.map((one, index) => ({ ...one, line: index + 1, fault: '' }));
  }

  /** The customer of each user that is known, as customers are now. */
  async customersOf(workspaceId: string, userIds: readonly string[], signal?: AbortSignal): Promise<Map<string, string>> {
    const customers = new Map<string, string>();
    for (let begin = 0; begin < userIds.length; begin += USERS_AT_ONCE) {
      const call = await this.peers.as(workspaceId, signal ? { signal } : {});
      const found = await this.peers.customers.findCustomerIds({ userIds: userIds.slice(begin, begin + USERS_AT_ONCE) }, call);
      for (const { userId, customerId } of found.customers) customers.set(userId, customerId);
    }
    return customers;
  }
}
