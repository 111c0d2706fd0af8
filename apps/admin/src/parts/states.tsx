import type { ReactNode } from 'react';
import type { CombinedError } from 'urql';
import { explain } from '../session/problem';

/** Grey bones where content will stand; said once to a screen reader. */
export function Loading({ what, lines = 5 }: { what: string; lines?: number }): ReactNode {
  return (
    <div className="bones" role="status">
      <div className="hidden-visually">Loading {what} …</div>
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} />
      ))}
    </div>
  );
}

/** Nothing is here yet: why, and what to do about it. */
export function Empty({ title, children, action }: { title: string; children: ReactNode; action?: ReactNode }): ReactNode {
  return (
    <div className="empty">
      <h3>{title}</h3>
      <p>{children}</p>
      {action}
    </div>
  );
}

export function Notice({ tone, title, children, action }: { tone?: 'good' | 'warn' | 'bad'; title: string; children?: ReactNode; action?: ReactNode }): ReactNode {
  return (
    <div className={`notice ${tone ?? ''}`} role={tone === 'bad' ? 'alert' : 'status'}>
      <strong>{title}</strong>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}

export function Problem({ error, again }: { error: CombinedError; again?: () => void }): ReactNode {
  const { title, remedy } = explain(error);
  return (
    <Notice
      tone="bad"
      title={title}
      action={
        again && (
          <button type="button" className="button" onClick={again}>
            Try again
          </button>
        )
      }
    >
      {remedy}
    </Notice>
  );
}
