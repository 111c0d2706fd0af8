import { type Intake, secondsOf, sendSteadily } from './traffic.ts';
import type { Delay, VisibilityWatch } from './visibility.ts';

/** A rate that was tried. */
export interface Tried {
  readonly perSecond: number;
  readonly isHeld: boolean;
  readonly delay: Delay;
  /** Events a second that were acknowledged. */
  readonly accepted: number;
}

const FIRST_RATE = 3_000;
const STEP = 1_000;
const SECONDS = 20;
/** One event in a hundred is left behind. */
const HELD_DRIFT = 10;
/** Of what was sent: acknowledgements that come this much later than what they are for say that the intake cannot keep up. */
const HELD_INTAKE = 0.95;

/** One rate after another, each higher, until more comes than is made visible, or than the intake takes. */
export async function climb(intake: Intake, watch: VisibilityWatch, tell: (line: string) => void): Promise<Tried[]> {
  const tried: Tried[] = [];
  for (let perSecond = FIRST_RATE; tried.at(-1)?.isHeld ?? true; perSecond += STEP) {
    const stage = `top-${perSecond}`;
    const acknowledged = await sendSteadily(intake, stage, perSecond, SECONDS);
    const accepted = Math.round(acknowledged.size / secondsOf(acknowledged));
    const delay = await watch.delays(acknowledged, stage);
    const isHeld = delay.drift <= HELD_DRIFT && accepted >= HELD_INTAKE * perSecond;
    tried.push({ perSecond, isHeld, delay, accepted });
    tell(`${perSecond} events/s: ${accepted} acknowledged, p50 ${delay.p50} ms, p99 ${delay.p99} ms, growing by ${delay.drift} ms a second: ${isHeld ? 'held' : 'not held'}`);
  }
  return tried;
}
