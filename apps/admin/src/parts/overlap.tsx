import { useState, type ReactNode } from 'react';

/** How long a former secret goes on holding. */
const OVERLAPS: readonly { seconds: number; words: string }[] = [
  { seconds: 0, words: 'ends now (it leaked)' },
  { seconds: 3_600, words: 'holds for an hour' },
  { seconds: 86_400, words: 'holds for a day' },
  { seconds: 7 * 86_400, words: 'holds for a week' },
  { seconds: 30 * 86_400, words: 'holds for 30 days' },
];

/** What becomes of the present secret where it is rotated, and what to ask that by. */
export function useOverlap({ previousSecretUntil }: { previousSecretUntil?: unknown }): { overlapSeconds: number; field: ReactNode } {
  const [overlapSeconds, setOverlap] = useState(86_400);
  const field = (
    <>
      <label className="field">
        The present secret
        <select value={overlapSeconds} onChange={(event) => setOverlap(Number(event.target.value))}>
          {OVERLAPS.map(({ seconds, words }) => (
            <option key={seconds} value={seconds}>
              {words}
            </option>
          ))}
        </select>
      </label>
      {previousSecretUntil ? <p className="small">It was rotated before: the secret from before the present one ends now.</p> : null}
    </>
  );
  return { overlapSeconds, field };
}
