/** JSON of anything that came from JSON, however deep: the built-in one gives up after a few thousand levels. */
export function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return deepJson(value);
  }
}

function deepJson(root: unknown): string {
  const out: string[] = [];
  // What is still to be written, last first; texts as they are, values boxed.
  const rest: (string | { value: unknown })[] = [{ value: root }];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (typeof next === 'string') {
      out.push(next);
      continue;
    }
    const { value } = next;
    if (Array.isArray(value)) {
      rest.push(']');
      for (let at = value.length - 1; at >= 0; at--) rest.push({ value: value[at] as unknown }, at > 0 ? ',' : '');
      rest.push('[');
    } else if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value);
      rest.push('}');
      for (let at = entries.length - 1; at >= 0; at--) {
        const [key, inner] = entries[at] as [string, unknown];
        rest.push({ value: inner }, `${at > 0 ? ',' : ''}${JSON.stringify(key)}:`);
      }
      rest.push('{');
    } else out.push(JSON.stringify(value) ?? 'null');
  }
  return out.join('');
}
