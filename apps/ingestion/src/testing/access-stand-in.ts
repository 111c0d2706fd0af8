import { Server, ServerCredentials, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js';

import { hashKey } from '#libs/auth';
import { access } from '#libs/contracts';

export interface AccessStandIn {
  readonly address: string;
  /** As the last UpdateWorkspaceSettings left it. */
  readonly settings: access.WorkspaceSettings;
  close(): void;
}

const UNSET: access.WorkspaceSettings = {
  version: 1,
  clock: access.Clock.LIVE,
  timezone: 'UTC',
  currency: '',
  mainEvents: [],
  valueProperty: '',
  guessed: ['clock', 'timezone', 'currency', 'mainEvents', 'valueProperty'],
};

/** Access as ingestion sees it: keys over a stream, and one workspace's settings. */
export async function startAccessStandIn(keys: readonly { key: string; workspaceId: string; role: access.Role }[]): Promise<AccessStandIn> {
  let settings = UNSET;
  const records = keys.map(({ key, workspaceId, role }, at) => ({
    id: `k${at}`, workspaceId, role, digest: hashKey(key), expiresAt: undefined, previousDigest: Buffer.alloc(0), previousUntil: undefined,
  }));
  const workspaces = [...new Set(keys.map(({ workspaceId }) => workspaceId))];
  const workspace = (id: string): access.Workspace => ({ id, slug: 'test', name: 'Test', createdAt: new Date().toISOString(), settings });
  const server = new Server();
  server.addService(access.AccessServiceService, {
    watchKeys: (call: ServerWritableStream<access.WatchKeysRequest, access.WatchKeysResponse>) =>
      void call.write({ snapshot: true, keys: records, revokedKeyIds: [] }),
    listWorkspaces: (_: unknown, done: (error: null, answer: access.ListWorkspacesResponse) => void) =>
      done(null, { workspaces: workspaces.map(workspace), pageInfo: { endCursor: '', hasNextPage: false, totalCount: workspaces.length } }),
    getWorkspace: (_: unknown, done: (error: null, answer: access.GetWorkspaceResponse) => void) =>
      done(null, { workspace: workspace(workspaces[0] ?? '') }),
    updateWorkspaceSettings: (
      call: ServerUnaryCall<access.UpdateWorkspaceSettingsRequest, access.UpdateWorkspaceSettingsResponse>,
      done: (error: null, answer: access.UpdateWorkspaceSettingsResponse) => void,
    ) => {
      settings = { ...(call.request.settings ?? UNSET), version: settings.version + 1 };
      done(null, { workspace: workspace(workspaces[0] ?? '') });
    },
  } as unknown as Parameters<Server['addService']>[1]);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  return {
    address: `127.0.0.1:${port}`,
    get settings() {
      return settings;
    },
    close: () => server.forceShutdown(),
  };
}
