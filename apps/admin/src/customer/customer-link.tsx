import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { nameOf } from './name';

/** A customer by name, and the way to their page. */
export function CustomerLink({ customer }: { customer: Parameters<typeof nameOf>[0] }): ReactNode {
  return <Link to={`/customers/${encodeURIComponent(customer.id)}`}>{nameOf(customer)}</Link>;
}
