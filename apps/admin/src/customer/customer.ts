import type { CustomerNowQuery } from '../gen/graphql';

/** A customer as their page and its cards show them. */
export type CustomerNow = NonNullable<CustomerNowQuery['customer']>;
