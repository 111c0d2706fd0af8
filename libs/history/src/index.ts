export { type Archived, CLOSE_ARCHIVES, EventHistory, type EventScope, FEED, HISTORY, SHARE_ARCHIVES } from './event.history.js';
