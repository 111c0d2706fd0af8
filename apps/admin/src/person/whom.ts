import type { PersonInput, PersonKeptFragment } from '../gen/graphql';

/** By which of their ids somebody is meant. */
export type IdKind = 'userId' | 'anonymousId' | 'id';

export const ID_KINDS = [
  { value: 'userId', words: 'User id' },
  { value: 'anonymousId', words: 'Anonymous id' },
  { value: 'id', words: 'Customer id', title: 'As GraphQL and the address of a customer’s page say it' },
] as const;

/** One id of somebody, as it was typed. */
export interface Whom {
  kind: IdKind;
  text: string;
}

export const personOf = ({ kind, text }: Whom): PersonInput => ({ [kind]: text });

/** "user u1", "anonymous a1" */
export function keyInWords({ userId, anonymousId }: PersonKeptFragment['mergeHistory']['nodes'][number]['from']): string {
  return userId === null ? `anonymous ${anonymousId ?? ''}` : `user ${userId}`;
}
