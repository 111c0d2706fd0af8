import { ArtifactError } from '#libs/artifacts';
import { factOf, RpcError, status } from '#libs/grpc';

import { isNoSpace } from '../scratch/scratch.js';
import { MappingError } from './import.mapping.js';
import { FileUnreadableError } from './import.source.js';

/** What keeps a file from being read as callers over gRPC are told it; anything else as it is. */
export function asRpcError(error: unknown): unknown {
  if (error instanceof MappingError) {
    const facts = { ...(error.column === undefined ? {} : { column: error.column }), ...(error.columns ? { columns: factOf(error.columns) } : {}) };
    return RpcError.invalid(error.message, { reason: 'MAPPING_INVALID', metadata: facts });
  }
  if (error instanceof FileUnreadableError) return RpcError.invalid(error.message, { reason: 'FILE_UNREADABLE', cause: error });
  if (error instanceof ArtifactError && error.reason === 'MISSING') return RpcError.notFound('There is no such file.', { reason: 'FILE_UNKNOWN', cause: error });
  if (isNoSpace(error)) return new RpcError(status.RESOURCE_EXHAUSTED, 'There is no space left on the disk to read the file. Free some and try again.', { reason: 'NO_SPACE', cause: error });
  return error;
}
