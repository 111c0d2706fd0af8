import type { Logger } from 'pino';

import { Rounds } from '#libs/queue';

import type { Uploads } from './uploads.js';

const DAY_MS = 86_400_000;

export interface TidyOptions {
  readonly everySeconds: number;
  readonly keepDays: number;
}

/** Removes uploaded files whose time is over, and those that waited for an import to end, in every workspace, round after round. */
export class UploadTidy extends Rounds {
  constructor(
    private readonly uploads: Uploads,
    private readonly source: { workspaces(): Promise<readonly string[]> },
    private readonly options: TidyOptions,
    private readonly log: Logger,
  ) {
    super(options.everySeconds * 1_000, options.everySeconds * 1_000);
  }

  /** A workspace whose turn fails has it again in the next. */
  protected async round(): Promise<void> {
    const workspaces = await this.source.workspaces().catch((error: unknown) => {
      this.log.debug({ err: error }, 'the workspaces are not known; uploaded files have to wait');
      return [];
    });
    await this.uploads.dropCopies(new Date(Date.now() - DAY_MS)).catch((error: unknown) => this.log.warn({ err: error }, 'copies of files could not be dropped'));
    const before = new Date(Date.now() - this.options.keepDays * DAY_MS);
    for (const workspaceId of workspaces) {
      if (this.isEnding) return;
      await this.uploads.expire(workspaceId, before).catch((error: unknown) => this.log.warn({ err: error, workspaceId }, 'uploaded files could not be removed'));
    }
  }
}
