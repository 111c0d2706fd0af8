/** What a customer is called: the user id, else an anonymous one, else a part of the opaque id. */
export function nameOf(customer: { id: string; userId: string | null; anonymousIds?: readonly string[] }): string {
  return customer.userId ?? customer.anonymousIds?.[0] ?? `customer ${customer.id.slice(-8)}`;
}
