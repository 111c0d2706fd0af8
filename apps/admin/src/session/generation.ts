import { createContext, use } from 'react';

/** Counts up whenever another model begins to be served or a run ends: whatever is shown of segments may then be another's. */
export const GenerationContext = createContext(0);

export function useGeneration(): number {
  return use(GenerationContext);
}
