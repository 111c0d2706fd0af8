import type { ReactNode } from 'react';
import { RuleNoticesDocument } from '../gen/graphql';
import { Notice } from '../parts/states';
import { useReading } from '../session/reading';

/** What makes a rule count otherwise than it reads; nothing where it does not. */
export function RuleNotices({ notices }: { notices: readonly { message: string }[] }): ReactNode {
  if (notices.length === 0) return null;
  return (
    <Notice tone="warn" title="It counts otherwise than it reads">
      {notices.map(({ message }) => message).join(' ')}
    </Notice>
  );
}

/** The same of the rule of a segment; it is looked for once, and not as often as its members are. */
export function NoticesOf({ id }: { id: string }): ReactNode {
  const { data } = useReading(RuleNoticesDocument, { id });
  return <RuleNotices notices={data?.segmentDefinition?.notices ?? []} />;
}
