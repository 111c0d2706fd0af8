import type { GatewayContext } from '../graphql/context.js';
import { type ExpectedFailure, notFound } from '../graphql/expected.js';
import { UploadLinks } from '../upload/upload.link.js';

/** The uploaded file that an id stands for, or that there is none (or that it has not been sent yet). */
export async function uploadedFile(
  { caller, artifacts }: GatewayContext,
  uploadId: string,
): Promise<{ artifact: string; fileName: string } | ExpectedFailure<'NotFound'>> {
  const file = UploadLinks.artifactOf(caller.workspaceId, uploadId);
  const isThere = file !== undefined && (await artifacts.exists(file.artifact));
  return isThere ? file : notFound('UPLOAD_UNKNOWN', 'No file was sent for this upload. Send it to the link first.');
}
