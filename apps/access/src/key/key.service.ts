import { Injectable } from '@nestjs/common';

import { makeKey } from '#libs/auth';
import type { access, feed } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import { cutOf, pageOf } from '../page.js';

import { KeyFeed } from './key.feed.js';
import { fromRole, toApiKey } from './key.mapper.js';
import { KeyRepository } from './key.repository.js';

const LONGEST_NAME = 100;
const LONGEST_OVERLAP_SECONDS = 30 * 86_400;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

@Injectable()
export class KeyService {
  constructor(
    private readonly keys: KeyRepository,
    private readonly feed: KeyFeed,
  ) {}

  async create(workspaceId: string, request: access.CreateKeyRequest): Promise<access.CreateKeyResponse> {
    const name = request.name.trim();
    const role = fromRole(request.role);
    const expiresAt = request.expiresAt === undefined ? null : new Date(request.expiresAt);
    if (name === '' || name.length > LONGEST_NAME || name.includes('\0')) refuse(`A key's name has 1 to ${LONGEST_NAME} characters.`);
    if (!role) refuse('Say what the key may do: INTAKE, VIEWER, EDITOR or ADMIN.');
    if (expiresAt && !(expiresAt.getTime() > Date.now())) refuse('The key would have ended already.');
    const secret = makeKey(role);
    const row = await this.keys.create({ workspaceId, name, role, secret, expiresAt });
    if (!row) {
      throw new RpcError(status.ALREADY_EXISTS, `There is a key named "${name}". Choose another name, or revoke that key first.`, {
        reason: 'NAME_TAKEN',
        metadata: { name },
      });
    }
    await this.feed.refresh();
    return { key: toApiKey(row), secret };
  }

  /** A new secret that holds at once; the one before goes on holding for as long as is asked for. */
  async rotate(workspaceId: string, { id, overlapSeconds }: access.RotateKeyRequest): Promise<access.RotateKeyResponse> {
    if (overlapSeconds > LONGEST_OVERLAP_SECONDS) refuse('The former secret may hold for 0 seconds to 30 days.');
    const role = UUID.test(id) ? await this.keys.roleOf(workspaceId, id) : undefined;
    if (!role) throw unknownKey();
    const secret = makeKey(role);
    const row = await this.keys.rotate(workspaceId, id, secret, overlapSeconds);
    if (!row) throw RpcError.precondition('The key has ended. Make a new one.', { reason: 'KEY_ENDED' });
    await this.feed.refresh();
    return { key: toApiKey(row), secret };
  }

  async revoke(workspaceId: string, id: string): Promise<access.ApiKey> {
    const row = UUID.test(id) ? await this.keys.revoke(workspaceId, id) : undefined;
    if (!row) throw unknownKey();
    await this.feed.refresh();
    return toApiKey(row);
  }

  async list(workspaceId: string, page: feed.PageRequest | undefined): Promise<access.ListKeysResponse> {
    const cut = cutOf(page);
    const { found, total } = await this.keys.list(workspaceId, cut);
    const { rows, pageInfo } = pageOf(found, cut, total);
    return { keys: rows.map(toApiKey), pageInfo };
  }
}

function unknownKey(): RpcError {
  return RpcError.notFound('There is no such key.', { reason: 'KEY_UNKNOWN' });
}

function refuse(message: string): never {
  throw RpcError.invalid(message, { reason: 'KEY_INVALID' });
}
