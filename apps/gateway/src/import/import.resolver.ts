import { ingestion } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import type { ResolversOf } from '../graphql/complete.js';
import { readConnection } from '../graphql/connection.js';
import { expecting, ExpectedFailure, notFound, outcomeOf } from '../graphql/expected.js';
import { globalId, localId } from '../graphql/global-id.js';
import type { Import } from '../graphql/message.js';
import { countOrNull, orNull, present } from '../graphql/present.js';
import { jsonText, parseJson } from '../graphql/scalar.js';
import { follow } from '../subscription/follow.js';
import { UploadLinks } from '../upload/upload.link.js';
import { uploadedFile } from './import.mapper.js';

const WHY_NOT = { MAPPING_INVALID: 'MappingInvalid', NOT_FOUND: 'NotFound', INVALID_ARGUMENT: 'FileUnreadable', DATA_LOSS: 'FileUnreadable' } as const;
/** Looking into a large file takes a while. */
const PATIENTLY = { deadline: 60_000 };

export const importQueries = {
  import: (_root, args, { loaders }) => {
    const id = localId('Import', args.id);
    return id === undefined ? null : loaders.import.load(id);
  },
  imports: (_root, args, { rpc }) =>
    readConnection(args, async (page) => {
      const { imports, pageInfo } = await rpc.imports.listImports({ page });
      return { rows: imports, pageInfo };
    }),
  previewImport: async (_root, { input }, context) => {
    const file = await uploadedFile(context, input.uploadId);
    if (file instanceof ExpectedFailure) return file;
    return expecting(WHY_NOT, () => context.rpc.imports.previewImport({ ...file, mapping: jsonText(input.mapping), rows: input.rows ?? 100 }, PATIENTLY));
  },
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const importMutations = {
  createUpload: async (_root, { input }, { caller, uploads }) => {
    if (!UploadLinks.isKnownFormat(input.fileName)) {
      return new ExpectedFailure('FileRefused', 'FORMAT_UNKNOWN', 'The name must end in .parquet, or in .csv, .tsv, .txt, .ndjson, .jsonl or .json, also with .gz.');
    }
    if ((input.bytes ?? 0) > uploads.maxBytes) {
      return new ExpectedFailure('FileRefused', 'FILE_TOO_LARGE', `A file may have ${uploads.maxBytes} bytes. Split it, or compress it.`);
    }
    return { ...(await uploads.make(caller.workspaceId, input.fileName)), maxBytes: uploads.maxBytes };
  },
  startImport: async (_root, { input }, context) => {
    const file = await uploadedFile(context, input.uploadId);
    if (file instanceof ExpectedFailure) return file;
    return expecting(WHY_NOT, async () => {
      const started = await context.rpc.imports.startImport({ ...file, mapping: jsonText(input.mapping) }, PATIENTLY);
      return present(started.import, 'import');
    });
  },
  cancelImport: (_root, args, { rpc }) => {
    const id = localId('Import', args.id);
    if (id === undefined) return notFound('IMPORT_UNKNOWN', 'There is no such import.');
    return expecting({ NOT_FOUND: 'NotFound', FAILED_PRECONDITION: 'ImportEnded' }, async () => present((await rpc.imports.cancelImport({ id })).import, 'import'));
  },
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

export const importSubscriptions = {
  importUpdated: {
    subscribe: (_root, args, context) => {
      const id = localId('Import', args.id);
      if (id === undefined) throw RpcError.notFound('There is no such import.', { reason: 'IMPORT_UNKNOWN' });
      return follow<Import>(context, async function* open({ imports }, signal) {
        for await (const update of imports.watchImport({ id }, { signal })) {
          if (update.import) yield update.import;
        }
      });
    },
    resolve: (update: Import) => update,
  },
} satisfies Partial<ResolversOf<'Subscription'>['Subscription']>;

export const importTypes: ResolversOf<
  'Import' | 'ImportPreview' | 'MappingInvalid' | 'CreateUploadResult' | 'PreviewImportResult' | 'StartImportResult' | 'CancelImportResult'
> = {
  Import: {
    id: ({ id }) => globalId('Import', id),
    source: ({ id }) => `import:${id}`,
    stage: ({ stage }) => (stage === ingestion.ImportStage.UNSPECIFIED ? null : stage),
    progress: ({ progress }) => countOrNull(progress),
    rowsTotal: ({ rowsTotal }) => countOrNull(rowsTotal),
    remainingSeconds: ({ remainingSeconds }) => countOrNull(remainingSeconds),
    error: ({ error }) => orNull(error),
    mapping: ({ mapping }) => (mapping === '' ? null : parseJson(mapping)),
  },
  ImportPreview: {
    mapping: ({ mapping }) => parseJson(mapping),
    events: ({ events }) => events.map(parseJson),
  },
  MappingInvalid: {
    column: ({ facts }) => facts['column'],
    columns: ({ facts }) => readColumns(facts['columns']),
  },
  CreateUploadResult: outcomeOf('Upload'),
  PreviewImportResult: outcomeOf('ImportPreview'),
  StartImportResult: outcomeOf('Import'),
  CancelImportResult: outcomeOf('Import'),
};

/** A JSON list, or names with commas between them. */
function readColumns(text: string | undefined): string[] {
  if (!text) return [];
  return text.startsWith('[') ? (JSON.parse(text) as string[]) : text.split(/,\s*/);
}
