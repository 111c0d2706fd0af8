import { Injectable } from '@nestjs/common';
import { v7 as uuid } from 'uuid';

import { type Actor, makeKey } from '#libs/auth';
import { access, type feed } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import { KeyFeed } from '../key/key.feed.js';
import { KeyRepository } from '../key/key.repository.js';
import { cutOf, pageOf } from '../page.js';

import { toWorkspace } from './workspace.mapper.js';
import { WorkspaceRepository } from './workspace.repository.js';
import { settingsFrom, UNKNOWN_SETTINGS } from './workspace.settings.js';

const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;
/** A key that an operator chose must not be guessable. */
const SHORTEST_SECRET = 20;

@Injectable()
export class WorkspaceService {
  constructor(
    private readonly workspaces: WorkspaceRepository,
    private readonly keys: KeyRepository,
    private readonly feed: KeyFeed,
  ) {}

  async bootstrap(request: access.BootstrapWorkspaceRequest, actor: Actor): Promise<access.BootstrapWorkspaceResponse> {
    if (!SLUG.test(request.slug)) {
      throw RpcError.invalid('A slug has up to 63 small letters, digits and hyphens, for example acme-shop.', { reason: 'SLUG_INVALID' });
    }
    const known = await this.workspaces.findBySlug(request.slug);
    if (known) return { workspace: toWorkspace(known), created: false, adminKey: '', writeKey: '' };

    const [adminKey, writeKey] = [chosenOr(request.adminKey, 'ADMIN'), chosenOr(request.writeKey, 'INTAKE')];
    const id = uuid();
    const settings = request.settings ? settingsFrom(request.settings, UNKNOWN_SETTINGS) : UNKNOWN_SETTINGS;
    const workspace = { id, slug: request.slug, name: request.name || request.slug, settings, changedBy: actor };
    const created = await this.workspaces.create(workspace, async (transaction) => {
      await this.keys.insert(transaction, { workspaceId: id, name: 'First admin key', role: 'ADMIN', secret: adminKey, expiresAt: null });
      await this.keys.insert(transaction, { workspaceId: id, name: 'First write key', role: 'INTAKE', secret: writeKey, expiresAt: null });
    });
    if (created) await this.feed.refresh();
    const row = await this.workspaces.findBySlug(request.slug);
    if (!row) throw unknownWorkspace();
    return { workspace: toWorkspace(row), created, adminKey: created ? adminKey : '', writeKey: created ? writeKey : '' };
  }

  async list(page: feed.PageRequest | undefined): Promise<access.ListWorkspacesResponse> {
    const cut = cutOf(page);
    const { found, total } = await this.workspaces.list(cut);
    const { rows, pageInfo } = pageOf(
      found.map((row) => ({ id: row.workspace.id, row })),
      cut,
      total,
    );
    return { workspaces: rows.map(({ row }) => toWorkspace(row)), pageInfo };
  }

  async get(id: string): Promise<access.Workspace> {
    const row = await this.workspaces.find(id);
    if (!row) throw unknownWorkspace();
    return toWorkspace(row);
  }

  async updateSettings(id: string, actor: Actor, request: access.UpdateWorkspaceSettingsRequest): Promise<access.Workspace> {
    const { settings, expectedVersion } = request;
    if (!settings) throw RpcError.invalid('Say which settings.', { reason: 'SETTINGS_INVALID', metadata: { field: 'settings' } });
    const row = await this.workspaces.changeSettings(id, actor, (present) => {
      if (expectedVersion !== 0 && expectedVersion !== present.version) {
        throw new RpcError(status.ABORTED, 'The settings were changed meanwhile. Read them again and repeat the change.', {
          reason: 'STALE_VERSION',
          metadata: { version: String(present.version) },
        });
      }
      return settingsFrom(settings, present);
    });
    if (!row) throw unknownWorkspace();
    return toWorkspace(row);
  }
}

function chosenOr(secret: string, role: 'ADMIN' | 'INTAKE'): string {
  if (secret === '') return makeKey(role);
  if (secret.length < SHORTEST_SECRET) {
    throw RpcError.invalid(`A key has at least ${SHORTEST_SECRET} characters.`, { reason: 'KEY_INVALID' });
  }
  return secret;
}

function unknownWorkspace(): RpcError {
  return RpcError.notFound('There is no such workspace.', { reason: 'WORKSPACE_UNKNOWN' });
}
