import type { ReactNode } from 'react';
import { useViewer } from '../session/viewer';

/** Who did something, as the audit trail names them; the key in use and Kindred's own services in words. */
export function Actor({ actor }: { actor: string }): ReactNode {
  const own = useViewer()?.actor;
  if (actor === own) return <span title={actor}>this key</span>;
  if (actor.startsWith('service:')) return <span title={actor}>Kindred itself</span>;
  return <span className="mono small">{actor}</span>;
}
