/** Queue of the times at which segments are to be exported. */
export const EXPORT_SCHEDULE_QUEUE = 'export-schedules';

/** Job name, verb and noun. */
export const START_EXPORT_JOB = 'start-export';

/** Ids only: when it is due and what is exported are rows in Postgres. */
export interface SchedulePayload {
  workspaceId: string;
  scheduleId: string;
}
