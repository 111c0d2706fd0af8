import { hkdfSync } from 'node:crypto';

import { decodeJwt, SignJWT } from 'jose';

import type { PersonRequestKind, TableRows } from './person.repository.js';

const ISSUER = 'kindred';
const AUDIENCE = 'kindred:person-receipt';

/** What a receipt says. It names no id that the person's events carried. */
export interface ReceiptFacts {
  readonly workspaceId: string;
  readonly requestId: string;
  readonly kind: PersonRequestKind;
  readonly requestedBy: string;
  readonly customerIds: readonly string[];
  readonly tables: TableRows;
  /** Models that learned from the person's events. */
  readonly models: readonly string[];
  /** Runs under way that may learn from them. */
  readonly runs: readonly string[];
}

/** The key of receipts: whoever knows the installation's secret can check one (docs/api/person.md). */
export const receiptKey = (secret: string): Uint8Array => new Uint8Array(hkdfSync('sha256', secret, '', 'kindred:person-receipts', 32));

/** JWS in compact form, HS256. */
export async function signReceipt(secret: string, { workspaceId, requestId, kind, requestedBy, customerIds, tables, models, runs }: ReceiptFacts): Promise<string> {
  return new SignJWT({ ws: workspaceId, kind, requestedBy, customerIds, tables, models, runs })
    .setProtectedHeader({ alg: 'HS256', typ: 'kindred-receipt+jwt' })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(requestId)
    .setIssuedAt()
    .sign(receiptKey(secret));
}

/** What one of our own receipts says; it lies beside its request and is not checked. */
export function readReceipt(receipt: string): Pick<ReceiptFacts, 'tables' | 'models' | 'runs'> {
  // Receipts of former versions know of no runs.
  const { tables, models, runs = [] } = decodeJwt<Pick<ReceiptFacts, 'tables' | 'models'> & Partial<Pick<ReceiptFacts, 'runs'>>>(receipt);
  return { tables, models, runs };
}
