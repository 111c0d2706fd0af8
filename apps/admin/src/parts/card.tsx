import { useId, type ReactNode } from 'react';

interface CardProps {
  title: ReactNode;
  note?: ReactNode;
  actions?: ReactNode;
  /** Tables reach to the card's edges. */
  flush?: boolean;
  className?: string;
  children: ReactNode;
}

export function Card({ title, note, actions, flush = false, className = '', children }: CardProps): ReactNode {
  const heading = useId();
  return (
    <section className={`card ${className}`} aria-labelledby={heading}>
      <header>
        <h2 id={heading}>{title}</h2>
        {note && <p>{note}</p>}
        {actions}
      </header>
      <div className={flush ? 'inside flush' : 'inside'}>{children}</div>
    </section>
  );
}

export function PageHead({ title, above, below, actions }: { title: ReactNode; above?: ReactNode; below?: ReactNode; actions?: ReactNode }): ReactNode {
  return (
    <header className="page-head">
      <div>
        {above && <div className="crumb quiet">{above}</div>}
        <h1>{title}</h1>
        {below}
      </div>
      {actions && <div className="row tight">{actions}</div>}
    </header>
  );
}
