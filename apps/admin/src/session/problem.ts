import type { CombinedError } from 'urql';

export interface Problem {
  title: string;
  /** What the reader can do about it. */
  remedy: string;
}

const BY_CODE: Record<string, Problem> = {
  FORBIDDEN: { title: 'This key may not do that', remedy: 'Ask an administrator of the workspace for a key with a higher role.' },
  NOT_FOUND: { title: 'Not found', remedy: 'It may have been removed, or belong to another workspace. Go back to the list and choose again.' },
  UNAVAILABLE: { title: 'A part of Kindred is away', remedy: 'It is restarted by itself. Try again in a few seconds; if it lasts, look at the terminal that runs Kindred.' },
  TIMEOUT: { title: 'That took too long', remedy: 'The system is busy. Try again in a few seconds.' },
  NOT_SUPPORTED: { title: 'Not supported yet', remedy: 'This version of Kindred does not do that.' },
  RESOURCE_EXHAUSTED: { title: 'Too many requests', remedy: 'Wait a few seconds, then try again.' },
};

const AWAY: Problem = {
  title: 'Kindred cannot be reached',
  remedy: 'Check that it is running (npm start) and that this machine can reach it, then try again.',
};

/** An error in words for the person in front of the page. */
export function explain(error: CombinedError): Problem {
  if (error.networkError) return AWAY;
  const [first] = error.graphQLErrors;
  const code = String(first?.extensions['code'] ?? '');
  const known = BY_CODE[code];
  if (known) return known;
  if (code === '' || code === 'INTERNAL_SERVER_ERROR') return { title: 'Something went wrong', remedy: first?.message ?? error.message };
  // Whatever else has a code of its own is what the asker can mend: the message says how.
  return { title: 'That cannot be done', remedy: first?.message ?? error.message };
}
