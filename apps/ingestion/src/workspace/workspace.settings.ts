import type { PrincipalSigner } from '#libs/auth';
import { access } from '#libs/contracts';
import { connect, type RpcClient } from '#libs/grpc';

export type Setting = 'clock' | 'timezone' | 'currency' | 'mainEvents' | 'valueProperty';

/** What a workspace says of its data, which access owns. */
export class WorkspaceSettings {
  private readonly client: RpcClient<typeof access.AccessServiceService>;

  constructor(
    address: string,
    private readonly signer: PrincipalSigner,
    private readonly service: string,
  ) {
    this.client = connect(access.AccessServiceService, address);
  }

  async of(workspaceId: string): Promise<access.WorkspaceSettings> {
    const { workspace } = await this.client.getWorkspace({}, { principal: await this.signer.service(this.service, workspaceId) });
    if (!workspace?.settings) throw new Error(`access told no settings of workspace ${workspaceId}`);
    return workspace.settings;
  }

  /**
   * Writes what was learned from data: `told` by a person's mapping holds over guesses, `guessed` fills only what
   * nobody has told yet.
   */
  async learn(workspaceId: string, told: Partial<access.WorkspaceSettings>, guessed: Partial<access.WorkspaceSettings>): Promise<void> {
    const now = await this.of(workspaceId);
    const open = new Set(now.guessed);
    const isOpen = (name: string) => open.has(name) || isEmpty(now[name as Setting]);
    const news = Object.fromEntries(Object.entries(guessed).filter(([name]) => isOpen(name) && !(name in told)));
    const fromMapping = Object.fromEntries(Object.entries(told).filter(([name]) => isOpen(name)));
    if (Object.keys(news).length + Object.keys(fromMapping).length === 0) return;
    for (const name of Object.keys(news)) open.add(name);
    for (const name of Object.keys(fromMapping)) open.delete(name);
    const settings = { ...now, ...news, ...fromMapping, guessed: [...open] };
    await this.client.updateWorkspaceSettings(
      { settings, expectedVersion: now.version },
      { principal: await this.signer.service(this.service, workspaceId) },
    );
  }

  async workspaces(): Promise<string[]> {
    const principal = await this.signer.service(this.service);
    const ids: string[] = [];
    for (let after = ''; ; ) {
      const { workspaces, pageInfo } = await this.client.listWorkspaces({ page: { first: 500, after } }, { principal });
      ids.push(...workspaces.map(({ id }) => id));
      if (!pageInfo?.hasNextPage) return ids;
      after = pageInfo.endCursor;
    }
  }

  close(): void {
    this.client.close();
  }
}

function isEmpty(value: access.WorkspaceSettings[Setting]): boolean {
  return value === '' || value === access.Clock.UNSPECIFIED || (Array.isArray(value) && value.length === 0);
}
