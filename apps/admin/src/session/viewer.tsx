import { createContext, use, type ReactNode } from 'react';
import { ViewerDocument, type Role, type ViewerQuery } from '../gen/graphql';
import { Loading, Problem } from '../parts/states';
import { isRefusal } from './client';
import { useReading } from './reading';
import { useSession } from './session';

type Viewer = ViewerQuery['viewer'];

const ViewerContext = createContext<Viewer | undefined>(undefined);
const RANK: Record<Role, number> = { INTAKE: 0, VIEWER: 1, EDITOR: 2, ADMIN: 3 };

export function useViewer(): Viewer | undefined {
  return use(ViewerContext);
}

/** Whether the key may do what needs a role; true while it is not known, for the server decides in the end. */
export function useMay(role: Role): boolean {
  const viewer = useViewer();
  return !viewer || RANK[viewer.role] >= RANK[role];
}

export function ViewerProvider({ children }: { children: ReactNode }): ReactNode {
  const { data, error, again } = useReading(ViewerDocument, {});
  const { signOut } = useSession();
  if (error && !data && isRefusal(error)) return null;
  if (error && !data)
    return (
      <div className="page stack">
        <Problem error={error} again={again} />
        <div>
          <button type="button" className="button" onClick={signOut}>
            Sign in with another key
          </button>
        </div>
      </div>
    );
  // Nothing else is asked for before the key is known to be good.
  if (!data)
    return (
      <div className="page">
        <Loading what="the workspace" lines={3} />
      </div>
    );
  return <ViewerContext value={data.viewer}>{children}</ViewerContext>;
}
