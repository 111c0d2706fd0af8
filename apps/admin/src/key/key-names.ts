import { KeyNamesDocument, type KeyNamesQuery } from '../gen/graphql';
import { useReading } from '../session/reading';
import { useMay } from '../session/viewer';

type NamedKey = KeyNamesQuery['apiKeys']['nodes'][number];

/** The newest keys with what the audit trail calls them; none for who may not list them. */
export function useKeyNames(): readonly NamedKey[] {
  const mayList = useMay('ADMIN');
  return useReading(KeyNamesDocument, {}, { pause: !mayList }).data?.apiKeys.nodes ?? [];
}
