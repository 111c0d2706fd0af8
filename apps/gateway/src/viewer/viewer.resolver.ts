import type { ResolversOf } from '../graphql/complete.js';
import { expecting, outcomeOf } from '../graphql/expected.js';
import { globalId } from '../graphql/global-id.js';
import { Clock, Role } from '../graphql/message.js';
import { orNull, present } from '../graphql/present.js';
import { changedSettings } from './settings.mapper.js';

const ROLE = { INTAKE: Role.INTAKE, VIEWER: Role.VIEWER, EDITOR: Role.EDITOR, ADMIN: Role.ADMIN, SERVICE: Role.ADMIN } as const;

export const viewerQueries = {
  viewer: (_root, _args, { caller }) => caller,
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const viewerMutations = {
  updateWorkspaceSettings: (_root, { input }, { rpc }) =>
    expecting({ STALE_VERSION: 'StaleVersion', SETTINGS_INVALID: 'SettingsInvalid' }, async () => {
      const { workspace: present_ } = await rpc.access.getWorkspace({});
      const { workspace } = await rpc.access.updateWorkspaceSettings(changedSettings(present(present_?.settings, 'settings'), input));
      return present(workspace, 'workspace');
    }),
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

export const viewerTypes: ResolversOf<'Viewer' | 'Workspace' | 'WorkspaceSettings' | 'UpdateWorkspaceSettingsResult' | 'StaleVersion' | 'SettingsInvalid'> = {
  Viewer: {
    role: ({ role }) => ROLE[role],
    workspace: async (_viewer, _args, { rpc }) => present((await rpc.access.getWorkspace({})).workspace, 'workspace'),
  },
  Workspace: {
    id: ({ id }) => globalId('Workspace', id),
    createdAt: ({ createdAt }) => present(createdAt, 'createdAt'),
    settings: ({ settings }) => present(settings, 'settings'),
  },
  WorkspaceSettings: {
    currency: ({ currency }) => orNull(currency),
    valueProperty: ({ valueProperty }) => orNull(valueProperty),
    clock: ({ clock }) => (clock === Clock.UNSPECIFIED ? Clock.LIVE : clock),
  },
  UpdateWorkspaceSettingsResult: outcomeOf('Workspace'),
  StaleVersion: {
    workspace: async (_failure, _args, { rpc }) => present((await rpc.access.getWorkspace({})).workspace, 'workspace'),
  },
  SettingsInvalid: {
    field: ({ facts }) => facts['field'],
  },
};
