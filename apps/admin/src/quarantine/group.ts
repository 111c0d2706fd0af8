import type { RejectedGroupsQuery } from '../gen/graphql';
import { reasonInWords } from '../intake/reasons';

export type RejectedGroup = RejectedGroupsQuery['rejectedEventGroups']['nodes'][number];

/** "import:018f0000-…" -> "import 018f0000". */
export function sourceInWords(source: string): string {
  return source.startsWith('import:') ? `import ${source.slice('import:'.length, 'import:'.length + 8)}` : source;
}

export const nameOf = ({ reason, source }: RejectedGroup): string => `${reasonInWords(reason)} from ${sourceInWords(source)}`;
