/** Cosine of two embeddings, -1..1; 0 where they are of different models. */
export function similarityOf(one: Buffer, other: Buffer): number {
  if (one.length !== other.length) return 0;
  let [both, a, b] = [0, 0, 0];
  for (let at = 0; at + 4 <= one.length; at += 4) {
    const [x, y] = [one.readFloatLE(at), other.readFloatLE(at)];
    both += x * y;
    a += x * x;
    b += y * y;
  }
  return a > 0 && b > 0 ? Math.max(-1, Math.min(1, both / Math.sqrt(a * b))) : 0;
}
