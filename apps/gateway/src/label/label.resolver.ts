import { readConnection, readPageOf } from '../graphql/connection.js';
import { countedAt } from '../counting/count.resolver.js';
import type { ResolversOf } from '../graphql/complete.js';
import { expecting, ExpectedFailure, notFound, outcomeOf } from '../graphql/expected.js';
import { globalId, localId } from '../graphql/global-id.js';
import { LabelKind } from '../graphql/message.js';
import { orNull, present } from '../graphql/present.js';
import { uploadedFile } from '../import/import.mapper.js';

/** Reading a file of many labels takes a while. */
const PATIENTLY = { deadline: 120_000 };
const NO_FILE = { artifact: '', fileName: '' };

export const labelQueries = {
  labelSet: (_root, args, { loaders }) => {
    const id = localId('LabelSet', args.id);
    return id === undefined ? null : loaders.labelSet.load(id);
  },
  labelSets: (_root, paging, { rpc }) =>
    readConnection(paging, async (page) => {
      const { labelSets, pageInfo } = await rpc.labels.listLabelSets({ page });
      return { rows: labelSets, pageInfo };
    }),
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const labelMutations = {
  createLabelSet: (_root, { input }, { rpc }) =>
    expecting({ NAME_TAKEN: 'NameTaken', NAME_INVALID: 'NameInvalid', INVALID_ARGUMENT: 'LabelsInvalid' }, async () => {
      const { labelSet } = await rpc.labels.createLabelSet({ name: input.name, kind: input.kind ?? LabelKind.BINARY, asOf: input.asOf ?? undefined });
      return present(labelSet, 'labelSet');
    }),
  addLabels: async (_root, { input }, context) => {
    const labelSetId = localId('LabelSet', input.labelSetId);
    if (labelSetId === undefined) return unknownSet();
    const file = input.uploadId ? await uploadedFile(context, input.uploadId) : NO_FILE;
    if (file instanceof ExpectedFailure) return file;
    const labels = (input.labels ?? []).map(({ userId, value, number, asOf }) => ({ userId, value: yesOrNo(value), number: number ?? undefined, asOf: asOf ?? '' }));
    return expecting({ NOT_FOUND: 'NotFound', INVALID_ARGUMENT: 'LabelsInvalid' }, async () => {
      const added = await context.rpc.labels.addLabels({ labelSetId, labels, ...file }, PATIENTLY);
      return { ...added, labelSet: present(added.labelSet, 'labelSet') };
    });
  },
  deleteLabelSet: (_root, args, { rpc }) => {
    const id = localId('LabelSet', args.id);
    if (id === undefined) return unknownSet();
    return expecting({ NOT_FOUND: 'NotFound', HEAD_ACTIVE: 'HeadActive' }, async () => {
      await rpc.labels.deleteLabelSet({ id }, PATIENTLY);
      return { id: globalId('LabelSet', id) };
    });
  },
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

export const labelTypes: ResolversOf<'LabelSet' | 'LabelProblem' | 'CreateLabelSetResult' | 'AddLabelsResult' | 'DeleteLabelSetResult'> = {
  LabelSet: {
    id: ({ id }) => globalId('LabelSet', id),
    labelCount: ({ labels }) => labels,
    positiveCount: ({ positives }) => positives,
    countedAt,
    createdAt: ({ createdAt }) => present(createdAt, 'createdAt'),
    servedHead: ({ servedHeadId }, _args, { loaders }) => (servedHeadId === '' ? null : loaders.labelHead.load(servedHeadId)),
    heads: ({ id }, paging, { reads }, info) => readPageOf(id, paging, reads.labelHeads, info),
  },
  LabelProblem: {
    userId: ({ userId }) => orNull(userId),
  },
  CreateLabelSetResult: outcomeOf('LabelSet'),
  AddLabelsResult: outcomeOf('LabelsAdded'),
  DeleteLabelSetResult: outcomeOf('LabelSetDeleted'),
};

/** As a file has them, so that it is never taken for a number. */
const yesOrNo = (value: boolean | null | undefined): string => (value == null ? '' : value ? 'yes' : 'no');
const unknownSet = () => notFound('LABEL_SET_UNKNOWN', 'There is no such label set.');
