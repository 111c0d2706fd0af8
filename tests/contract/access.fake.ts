import { decodeJwt } from 'jose';
import type { CallContext } from 'nice-grpc';

import { access } from '#libs/contracts';
import { PRINCIPAL_METADATA } from '#libs/grpc';

import { type FakeServer, listen } from './fake-server.js';

/** Access as far as other services ask it for workspaces. */
export class FakeAccess {
  readonly clocks = new Map<string, access.Clock>();
  server!: FakeServer;

  async start(): Promise<this> {
    const rest = Object.keys(access.AccessServiceService).map((method) => [method, () => Promise.reject(new Error(`${method} is not faked`))]);
    this.server = await listen(access.AccessServiceService, {
      ...Object.fromEntries(rest),
      listWorkspaces: async () => ({
        workspaces: [...this.clocks.keys()].map((id) => this.workspace(id)),
        pageInfo: { endCursor: '', hasNextPage: false, totalCount: this.clocks.size },
      }),
      getWorkspace: async (_request: access.GetWorkspaceRequest, { metadata }: CallContext) => ({
        workspace: this.workspace(String(decodeJwt(metadata.get(PRINCIPAL_METADATA) ?? '')['ws'])),
      }),
    });
    return this;
  }

  private workspace(id: string): access.Workspace {
    const clock = this.clocks.get(id) ?? access.Clock.LIVE;
    const settings = { version: 1, clock, timezone: 'UTC', currency: '', mainEvents: [], valueProperty: '', guessed: [] };
    return { id, slug: id, name: id, createdAt: undefined, settings };
  }
}
