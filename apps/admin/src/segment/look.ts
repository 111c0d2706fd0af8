// How a segment looks everywhere on the page. Eight hues that stay apart for every kind of colour vision; from the ninth segment on the
// mark's shape changes, so that no two of the first 32 look alike.
export type Shape = 'circle' | 'square' | 'diamond' | 'triangle';

export interface Look {
  /** Custom property that holds the colour, for both light and dark. */
  variable: string;
  colour: string;
  shape: Shape;
}

export const HUES = 8;
const SHAPES: readonly Shape[] = ['circle', 'square', 'diamond', 'triangle'];

/** A customer that fits no segment. */
export const NO_SEGMENT: Look = look('--segment-none', 'circle');

function look(variable: string, shape: Shape): Look {
  return { variable, colour: `var(${variable})`, shape };
}

/**
 * Looks by segment id. Ids are lasting and sorted, so that a segment keeps its look while the list around it is ordered in another way.
 * `taken`: how many looks are in use beside these.
 */
export function looksOf(ids: Iterable<string>, taken = 0): Map<string, Look> {
  const sorted = [...new Set(ids)].sort();
  return new Map(
    sorted.map((id, index) => [id, index + taken] as const).map(([id, at]) => [id, look(`--segment-${at % HUES}`, SHAPES[Math.floor(at / HUES) % SHAPES.length] ?? 'circle')]),
  );
}
