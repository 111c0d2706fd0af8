import type { schema } from '#libs/database';

export type ModelState = schema.$Enums.ModelState;

/** Every transition of a model's standing. A person may promote what the gate held, and what was retired. */
const TRANSITIONS = {
  CANDIDATE: ['APPROVED', 'HELD'],
  APPROVED: ['CHAMPION'],
  HELD: ['CHAMPION'],
  CHAMPION: ['RETIRED'],
  RETIRED: ['CHAMPION'],
} as const satisfies Record<ModelState, readonly ModelState[]>;

/** The state after a transition; throws where there is none. */
export function modelTransition<To extends ModelState>(from: ModelState, to: To): To {
  if (!(TRANSITIONS[from] as readonly ModelState[]).includes(to)) throw new Error(`a model that is ${from} cannot become ${to}`);
  return to;
}
