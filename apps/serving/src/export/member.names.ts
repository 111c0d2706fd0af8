import { Inject, Injectable } from '@nestjs/common';

import type { Database } from '#libs/database';
import { SERVICE } from '#libs/service';

import { type Context, DATABASE, INGESTION, type IngestionClient } from '../store.js';
import type { AttributeValue, NamedMember } from './export.columns.js';
import type { MemberRow } from './member.reader.js';

/** As many customers as ingestion names at once. */
export const NAMED_AT_ONCE = 500;
/** Longer texts of attributes are cut there, so that what a piece of members takes stays bounded. */
const MOST_CHARACTERS = 1_000;

interface Named {
  readonly members: NamedMember[];
  /** Who are in no file, and why. */
  readonly leftOut: { readonly erased: number; readonly suppressed: number };
}

type Attributes = ReadonlyMap<string, AttributeValue>;

/** Who members are outside, and what is known of them beside events, as it is now. */
@Injectable()
export class MemberNames {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(INGESTION) private readonly ingestion: IngestionClient,
    @Inject(SERVICE) private readonly context: Context,
  ) {}

  /** Of at most NAMED_AT_ONCE members. Whom ingestion does not know any more was erased; who is suppressed is not to be in a file. */
  async of(workspaceId: string, piece: readonly MemberRow[], attributes: readonly string[]): Promise<Named> {
    const principal = await this.context.signer.service(this.context.name, workspaceId);
    const { customers } = await this.ingestion.nameCustomers({ ids: piece.map(({ customerId }) => customerId) }, { principal });
    const names = new Map(customers.map((customer) => [customer.requestedId, customer]));
    const shown = customers.filter(({ suppressed }) => !suppressed);
    const known = await this.known(workspaceId, shown.map(({ id }) => id), attributes);
    const members = piece.flatMap((member) => {
      const name = names.get(member.customerId);
      if (!name || name.suppressed) return [];
      return [{ ...member, customerId: name.id, userId: name.userId, anonymousId: name.anonymousId, attributes: known.get(name.id) ?? new Map() }];
    });
    const suppressed = customers.length - shown.length;
    return { members, leftOut: { suppressed, erased: piece.length - members.length - suppressed } };
  }

  private async known(workspaceId: string, customerIds: readonly string[], names: readonly string[]): Promise<ReadonlyMap<string, Attributes>> {
    if (names.length === 0) return new Map();
    const { rows } = await this.database.onConnection(workspaceId, (client) =>
      client.query<AttributeValue & { customerId: string; name: string }>(
        `select customer_id as "customerId", name, jsonb_typeof(value) as kind, left(value #>> '{}', ${MOST_CHARACTERS}) as text
         from ingestion.customer_attributes_v1 where customer_id = any($1::uuid[]) and name = any($2::text[])`,
        [customerIds, names],
      ),
    );
    const byCustomer = Map.groupBy(rows, ({ customerId }) => customerId);
    return new Map([...byCustomer].map(([id, own]) => [id, new Map(own.map(({ name, kind, text }) => [name, { kind, text }]))]));
  }
}
