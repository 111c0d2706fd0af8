export { type Archived, CLOSE_ARCHIVES, EventHistory, type EventScope, FEED, HISTORY, LAST_SEQUENCE, SHARE_ARCHIVES } from './event.history.js';
export { KeptHistory } from './kept.history.js';
