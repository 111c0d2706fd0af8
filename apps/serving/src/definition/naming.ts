import { RpcError, status } from '#libs/grpc';

const LONGEST_NAME = 120;
const LONGEST_DESCRIPTION = 2_000;

/** Name and description of a segment that a person makes, without spaces around; throws where they cannot be. */
export function checkNaming(given: { readonly name: string; readonly description: string }): { name: string; description: string } {
  const [name, description] = [given.name.trim(), given.description.trim()];
  if (name === '' || name.length > LONGEST_NAME) throw RpcError.invalid(`A segment's name has 1 to ${LONGEST_NAME} characters.`, { reason: 'NAME_INVALID' });
  if (description.length > LONGEST_DESCRIPTION) {
    throw RpcError.invalid(`A description has at most ${LONGEST_DESCRIPTION} characters.`, { reason: 'DESCRIPTION_INVALID' });
  }
  return { name, description };
}

export function nameTaken(name: string): RpcError {
  return new RpcError(status.ALREADY_EXISTS, `Another segment is called "${name}".`, { reason: 'NAME_TAKEN', metadata: { name } });
}
