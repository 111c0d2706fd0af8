import type { RejectedGroupsQuery } from '../gen/graphql';
import { reasonInWords, sourceInWords } from '../intake/reasons';

export type RejectedGroup = RejectedGroupsQuery['rejectedEventGroups']['nodes'][number];

export const nameOf = ({ reason, source }: RejectedGroup): string => `${reasonInWords(reason)} from ${sourceInWords(source)}`;
