import type { ReactNode } from 'react';

/** Why a form was not taken, above its buttons; nothing while it says nothing. */
export function FormProblem({ children }: { children: ReactNode }): ReactNode {
  return (
    children && (
      <p className="problem" role="alert">
        {children}
      </p>
    )
  );
}
