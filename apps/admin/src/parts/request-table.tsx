import type { ReactNode } from 'react';
import { ago, dateAndTime } from '../wording/time';
import { useNow } from './clock';
import { Table, unseen } from './table';

/** What was asked for that takes a while, a row each. */
export function RequestTable({ children }: { children: ReactNode }): ReactNode {
  return <Table columns={['What', 'State', 'By', 'Asked for', unseen('What to do')]}>{children}</Table>;
}

interface RequestRowProps {
  what: ReactNode;
  state: ReactNode;
  by: ReactNode;
  /** When it was asked for. */
  at: string;
  /** What can be done about it. */
  children: ReactNode;
}

export function RequestRow({ what, state, by, at, children }: RequestRowProps): ReactNode {
  const now = useNow();
  return (
    <tr>
      <th scope="row">{what}</th>
      <td data-label="State">{state}</td>
      <td data-label="By">{by}</td>
      <td data-label="Asked for" className="nowrap">
        <time dateTime={at} title={dateAndTime(at)}>
          {ago(at, now)}
        </time>
      </td>
      <td>{children && <span className="row tight nowrap end">{children}</span>}</td>
    </tr>
  );
}
