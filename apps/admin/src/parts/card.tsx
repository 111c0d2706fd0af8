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

interface PageHeadProps {
  title: ReactNode;
  /** What the browser's tab says, where the title is more than words. */
  tab?: string;
  above?: ReactNode;
  below?: ReactNode;
  actions?: ReactNode;
}

export function PageHead({ title, tab, above, below, actions }: PageHeadProps): ReactNode {
  const name = tab ?? (typeof title === 'string' ? title : undefined);
  return (
    <header className="page-head">
      <title>{name ? `${name} · Kindred` : 'Kindred'}</title>
      <div>
        {above && <div className="crumb quiet">{above}</div>}
        <h1>{title}</h1>
        {below}
      </div>
      {actions && <div className="row tight">{actions}</div>}
    </header>
  );
}
