/** An id as the gateway writes it, so that it can be asked for there. */
export function publicId(type: 'Customer' | 'Event' | 'Model' | 'Segment', id: string): string {
  return Buffer.from(`${type}:${id}`).toString('base64url');
}

/** For an error that a person reads and a program acts on. */
export function segmentInWords({ id, name }: { readonly id: string; readonly name: string }): string {
  return `"${name}" (${publicId('Segment', id)})`;
}
