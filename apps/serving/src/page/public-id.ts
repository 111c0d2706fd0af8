/** An id as the gateway writes it, so that it can be asked for there. */
export function publicId(type: 'Alert' | 'Customer' | 'Model' | 'Segment', id: string): string {
  return Buffer.from(`${type}:${id}`).toString('base64url');
}
