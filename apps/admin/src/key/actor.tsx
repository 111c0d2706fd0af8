import type { ReactNode } from 'react';
import { useViewer } from '../session/viewer';
import { useKeyNames } from './key-names';

/** Who did something, as the audit trail names them; the key in use and Kindred's own services in words, other keys by their names where those may be listed. */
export function Actor({ actor }: { actor: string }): ReactNode {
  const own = useViewer()?.actor;
  const name = useKeyNames().find((key) => key.actor === actor)?.name;
  if (actor === own) return <span title={actor}>this key</span>;
  if (actor.startsWith('service:')) return <span title={actor}>Kindred itself</span>;
  return name ? <span title={actor}>{name}</span> : <span className="mono small">{actor}</span>;
}
