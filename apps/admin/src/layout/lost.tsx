import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { Empty } from '../parts/states';

export function Lost(): ReactNode {
  return (
    <section className="card">
      <Empty title="There is no such page" action={<Link className="button" to="/segments">To the segments</Link>}>
        The address may be mistyped, or come from another version.
      </Empty>
    </section>
  );
}
