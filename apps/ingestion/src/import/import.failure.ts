import { ArtifactError } from '#libs/artifacts';

import { isNoSpace } from '../scratch/scratch.js';
import { MappingError } from './import.mapping.js';
import { FileUnreadableError } from './import.source.js';

/** DuckDB's words. */
const isNoMemory = (error: unknown) => error instanceof Error && error.message.startsWith('Out of Memory Error');

/** For a person: why an import cannot end well and how to mend it; undefined where trying again may do. */
export function explainFailure(error: unknown): string | undefined {
  if (isNoSpace(error)) {
    return 'There is no space left on the disk. Free some and import the same file again: it goes on from what was committed.';
  }
  if (isNoMemory(error)) {
    return 'The rows of this file need more memory than an import may take. Raise IMPORT_MEMORY of ingestion and import the same file again: it goes on from what was committed.';
  }
  if (error instanceof MappingError || error instanceof FileUnreadableError || error instanceof ArtifactError) return error.message;
  return undefined;
}
