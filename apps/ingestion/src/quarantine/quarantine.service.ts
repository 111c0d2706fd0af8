import { quarantine } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import type { RejectedRow, RejectedState } from '../event/event.repository.js';
import { asRpcError } from '../event/event.rpc-error.js';
import { type Mapping, parseMapping } from '../import/import.mapping.js';
import { asRpcError as asFileError } from '../import/import.rpc-error.js';
import type { ImportRows, RowRefusal, RowResult } from '../import/import.rows.js';
import { UUID } from '../page.js';
import type { TrackingPlanBook } from '../tracking-plan/tracking-plan.book.js';
import { decodeAgain } from './quarantine.decoder.js';
import { type QuarantineRepository, ReplayOvertaken } from './quarantine.repository.js';
import type { Replay } from './quarantine.replay.js';

const MOST_IDS = 500;
const USUAL_REPLAYED = 100;
const MOST_REPLAYED = 500;
const MOST_DISCARDED = 10_000;
const MOST_PAYLOAD_BYTES = 1024 * 1024;
const MAX_NOTE = 500;

/** Who asks. */
export interface Asker {
  readonly workspaceId: string;
  readonly actor: string;
}

/** What becomes of what was refused. */
export class QuarantineService {
  constructor(
    private readonly repository: QuarantineRepository,
    private readonly replayer: Replay,
    private readonly imports: ImportRows,
    private readonly plans: TrackingPlanBook,
    private readonly hint: (workspaceId: string) => void,
  ) {}

  async get(workspaceId: string, id: string): Promise<RejectedRow> {
    const row = UUID.test(id) ? await this.repository.find(workspaceId, id) : undefined;
    if (!row) throw RpcError.notFound('There is no such refused event.', { reason: 'REJECTED_EVENT_UNKNOWN' });
    return row;
  }

  /** Kept only if it would be accepted. */
  async mend({ workspaceId }: Asker, id: string, payload: string): Promise<RejectedRow> {
    const { state } = await this.get(workspaceId, id);
    if (state !== 'OPEN') throw resolved(state);
    if (Buffer.byteLength(payload) > MOST_PAYLOAD_BYTES) throw stillRejected('TOO_LARGE', `A mended payload has at most ${MOST_PAYLOAD_BYTES} bytes.`);
    if (!isJson(payload)) throw stillRejected('NOT_JSON', 'The mended payload is no JSON.');
    const rows = await this.repository.read(workspaceId, [id]);
    const reading = { mapping: undefined, plan: this.planOf(workspaceId) };
    const [decoded] = await decodeAgain(this.imports, workspaceId, rows.map((row) => ({ ...row, payload: Buffer.from(payload), is_mended: true })), reading).catch(told);
    const refusal = decoded && (await this.refusalOf(workspaceId, decoded.result));
    if (refusal) throw stillRejected(refusal.reason, refusal.detail);
    if (!(await this.repository.mend(workspaceId, id, payload))) throw resolved((await this.get(workspaceId, id)).state);
    return this.get(workspaceId, id);
  }

  async replay({ workspaceId, actor }: Asker, request: quarantine.ReplayRejectedEventsRequest): Promise<quarantine.ReplayRejectedEventsResponse> {
    const selection = checked(request.selection);
    const first = boundOf(request.first, USUAL_REPLAYED, MOST_REPLAYED);
    if (request.after !== '' && !UUID.test(request.after)) throw RpcError.invalid('This cursor was not made by a replay.', { reason: 'CURSOR_INVALID' });
    const reading = { mapping: request.mapping === '' ? undefined : readMapping(request.mapping), plan: this.planOf(workspaceId) };
    const isByIds = selection.ids.length > 0;
    const ids = isByIds ? selection.ids : await this.repository.openIds(workspaceId, selection, request.after || undefined, first);
    const results = await this.replayer.run({ workspaceId, actor, reading }, ids).catch(told);
    if (results.some(({ changed }) => changed)) this.hint(workspaceId);
    return { results, endCursor: !isByIds && ids.length === first ? (ids.at(-1) ?? '') : '' };
  }

  async discard({ workspaceId, actor }: Asker, request: quarantine.DiscardRejectedEventsRequest): Promise<quarantine.DiscardRejectedEventsResponse> {
    const selection = checked(request.selection);
    const note = request.note.trim();
    if (note === '' || note.length > MAX_NOTE || note.includes('\0')) throw selectionInvalid(`Say why they are discarded, in 1 to ${MAX_NOTE} characters.`);
    const first = boundOf(request.first, MOST_DISCARDED, MOST_DISCARDED);
    const ids = selection.ids.length > 0 ? selection.ids : await this.repository.openIds(workspaceId, selection, undefined, first);
    const discarded = ids.length === 0 ? 0 : await this.repository.discard(workspaceId, actor, ids, note);
    return { discarded, remaining: await this.repository.countOpen(workspaceId, selection, selection.ids) };
  }

  /** Why it would be refused, as an event or for whom it is of. */
  private async refusalOf(workspaceId: string, result: RowResult): Promise<RowRefusal | undefined> {
    if ('event' in result) return this.replayer.refusalOf(workspaceId, result.event);
    return 'rejection' in result ? result.rejection : result.refusal;
  }

  private planOf(workspaceId: string) {
    try {
      return this.plans.of(workspaceId);
    } catch (error) {
      return told(error);
    }
  }
}

function checked(selection: quarantine.RejectedEventSelection | undefined): quarantine.RejectedEventSelection {
  const { ids = [], reason = '', source = '' } = selection ?? {};
  if (ids.length > MOST_IDS) throw selectionInvalid(`At most ${MOST_IDS} ids are taken at once; ${ids.length} were given.`);
  if ((ids.length > 0) === (reason !== '' || source !== '')) throw selectionInvalid('Say either ids, or a reason or a source or both.');
  if (!ids.every((id) => UUID.test(id))) throw selectionInvalid('One of the ids is none of a refused event.');
  return { ids: ids.map((id) => id.toLowerCase()), reason, source };
}

function boundOf(first: number, usual: number, most: number): number {
  if (first > most) throw selectionInvalid(`At most ${most} are taken at once; ${first} were asked for.`);
  return first || usual;
}

function readMapping(json: string): Mapping {
  try {
    return parseMapping(json);
  } catch (error) {
    return told(error);
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const selectionInvalid = (message: string) => RpcError.invalid(message, { reason: 'SELECTION_INVALID' });
const stillRejected = (reason: string, detail: string) => RpcError.invalid(detail, { reason: 'STILL_REJECTED', metadata: { reason } });
const resolved = (state: RejectedState) =>
  RpcError.precondition(`It was ${state.toLowerCase()} already, and stays as it is.`, { reason: 'REJECTED_EVENT_RESOLVED', metadata: { state } });

function told(error: unknown): never {
  if (error instanceof ReplayOvertaken) {
    throw RpcError.precondition('These events are being replayed or mended by others all the time. Try again.', { reason: 'QUARANTINE_BUSY' });
  }
  return asRpcError(asFileError(error));
}
