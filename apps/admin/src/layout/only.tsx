import type { ReactNode } from 'react';
import { Link, Outlet } from 'react-router';
import type { Role } from '../gen/graphql';
import { Card, PageHead } from '../parts/card';
import { useMay, useViewer } from '../session/viewer';

/** Places that only a role may enter: whoever presents a lower key reads so, and nothing is asked for in their name. */
export function Only({ least }: { least: Exclude<Role, 'INTAKE' | 'VIEWER'> }): ReactNode {
  const viewer = useViewer();
  if (useMay(least)) return <Outlet />;
  return (
    <>
      <PageHead title="Not with this key" />
      <Card title={`This page is for ${least.toLowerCase()} keys`}>
        <div className="stack tight">
          <p>{viewer && `Yours is ${viewer.role === 'EDITOR' ? 'an' : 'a'} ${viewer.role.toLowerCase()} key. `}Ask an administrator of the workspace for one with a higher role.</p>
          <div>
            <Link className="button" to="/segments">
              To the segments
            </Link>
          </div>
        </div>
      </Card>
    </>
  );
}
