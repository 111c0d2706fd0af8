import type { ReactNode } from 'react';
import type { CombinedError } from 'urql';
import { Card } from '../parts/card';
import { Problem } from '../parts/states';
import { RuleCard } from '../segment/rule';

interface WordsProps {
  /** Null: nobody can be told apart; undefined: not there yet. */
  rule: Parameters<typeof RuleCard>[0]['rule'] | null | undefined;
  error: CombinedError | undefined;
  isLoading: boolean;
  onAsk: () => void;
}

/** A region in words. Asked for by hand: it takes a second or two. */
export function Words({ rule, error, isLoading, onAsk }: WordsProps): ReactNode {
  if (rule) return <RuleCard rule={rule} />;
  return (
    <Card title="In a short rule" note="By what can be counted of their events">
      {error && <Problem error={error} />}
      {rule === null ? <p className="quiet">Nobody can be told apart.</p> : (
        <button type="button" className="button" onClick={onAsk} disabled={isLoading}>
          Put it into words
        </button>
      )}
    </Card>
  );
}
