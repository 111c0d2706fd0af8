import type { JobRow, RowWork } from '#libs/queue';

import { answerRequest, type PersonRooms } from './person.execution.js';
import type { PersonRequestRow } from './person.repository.js';

/** How people's requests are answered. None is cancelled: what was begun of an erasure is finished. */
export const personWork = (rooms: PersonRooms): RowWork<PersonRequestRow & JobRow> => ({
  what: 'a person’s request',
  begin: (workspaceId, id) => rooms.repository.begin(workspaceId, id),
  find: (workspaceId, id) => rooms.repository.find(workspaceId, id),
  run: (attempt, row) => answerRequest(rooms, attempt, row),
  end: (attempt, _state, error = '') => rooms.repository.fail(attempt, error),
  explain: () => undefined,
  unexplained: 'It could not be completed; the log of ingestion has why. What was done stays done: ask for the same again once that is mended.',
});
