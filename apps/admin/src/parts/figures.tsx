import type { CSSProperties, ReactNode } from 'react';
import { percent } from '../wording/figure';

export function Stats({ children }: { children: ReactNode }): ReactNode {
  return <dl className="stats">{children}</dl>;
}

export function Stat({ label, value, note, words = false }: { label: string; value: ReactNode; note?: ReactNode; words?: boolean }): ReactNode {
  return (
    <div className="stat">
      <dt>{label}</dt>
      <dd className={words ? 'words' : ''}>{value}</dd>
      {note && <dd className="note">{note}</dd>}
    </div>
  );
}

/** A bar for 0..1. Where the figure stands beside it, it is only a picture of it. */
export function Meter({ value, colour, label }: { value: number; colour?: string; label?: string }): ReactNode {
  const style: CSSProperties = { width: `${Math.max(0, Math.min(1, value)) * 100}%`, ...(colour ? { background: colour } : {}) };
  const role = label ? { role: 'meter', 'aria-label': label, 'aria-valuemin': 0, 'aria-valuemax': 1, 'aria-valuenow': value } : { 'aria-hidden': true };
  return (
    <span className="meter" {...role}>
      <span style={style} />
    </span>
  );
}

interface BarProps {
  /** Of what it tells. */
  label: string;
  /** 0..1; nothing while it is not known. */
  value: number | undefined;
  /** What is being done. */
  words: string;
  tone?: Tone;
}

/** How far something that goes on is. */
export function Bar({ label, value, words, tone = 'live' }: BarProps): ReactNode {
  const known = value === undefined ? {} : { 'aria-valuenow': Math.round(value * 100) };
  const text = value === undefined ? words : `${percent(value)}, ${words}`;
  return (
    <div className={`bar ${tone}`} role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} {...known} aria-valuetext={text}>
      <span style={{ width: `${(value ?? 0) * 100}%` }} />
    </div>
  );
}

export function Measured({ value, colour }: { value: number; colour?: string }): ReactNode {
  return (
    <span className="measured">
      <Meter value={value} {...(colour ? { colour } : {})} />
      <span>{percent(value)}</span>
    </span>
  );
}

export type Tone = 'plain' | 'good' | 'warn' | 'bad' | 'live';

export function Badge({ tone = 'plain', children }: { tone?: Tone; children: ReactNode }): ReactNode {
  return (
    <span className={`badge ${tone}`}>
      <span className="dot" aria-hidden="true" />
      {children}
    </span>
  );
}
