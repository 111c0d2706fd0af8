import { CreateUploadDocument } from '../gen/graphql';
import { useAsk } from '../session/action';

/** Where the file lies now, or why it was not taken. */
export type Sent = { uploadId: string } | { problem: string };

const CUT_OFF = 'The file did not arrive whole. Send it again.';
/** What a file may be called, for whoever chooses one. */
export const FILE_ENDINGS = '.csv,.tsv,.txt,.ndjson,.jsonl,.json,.parquet,.gz';

/** Sends a file to a link of its own; `onShare` is told how much of it has gone, as 0..1. */
export function useUpload(): (file: File, onShare?: (share: number) => void) => Promise<Sent> {
  const { ask } = useAsk(CreateUploadDocument, 'Upload');
  return async (file, onShare) => {
    const answer = await ask({ input: { fileName: file.name, bytes: file.size } });
    if ('problem' in answer) return answer;
    const { id, url } = answer.done;
    const problem = await put(url, file, onShare);
    return problem === undefined ? { uploadId: id } : { problem };
  };
}

/** Not by `fetch`, which does not tell how much has gone. Resolves with why the file was not taken. */
function put(url: string, file: File, onShare: ((share: number) => void) | undefined): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.responseType = 'json';
    request.upload.addEventListener('progress', ({ loaded, total }) => onShare?.(total > 0 ? loaded / total : 1));
    request.addEventListener('load', () => resolve(request.status < 300 ? undefined : ((request.response as { error?: { message?: string } } | null)?.error?.message ?? CUT_OFF)));
    request.addEventListener('error', () => resolve(CUT_OFF));
    request.open('PUT', url);
    request.send(file);
  });
}
