import { type BeforeApplicationShutdown, Controller, Inject } from '@nestjs/common';
import { GrpcStreamCall } from '@nestjs/microservices';
import type { Metadata, sendUnaryData, ServerReadableStream } from '@grpc/grpc-js';

import { KeyRing, LetsKeysIn, mayAct, type Principal } from '#libs/auth';
import type { intake } from '#libs/contracts';
import { PRINCIPAL_METADATA, RpcError, status } from '#libs/grpc';
import { SERVICE, type ServiceContext } from '#libs/service';

import { IntakeUnavailableError } from '../event/event.failure.js';
import { EventRates } from '../event/event.rates.js';
import { EventWriter } from '../event/event.writer.js';
import type { IngestionConfig } from '../ingestion.config.js';
import { TrackingPlanBook } from '../tracking-plan/tracking-plan.book.js';
import { ForbiddenKeyError, NotReadyError, principalOf, UnknownKeyError } from './intake.key.js';
import { presentedKeys } from './intake.request.js';
import { StreamGate } from './intake.gate.js';
import { EventStream } from './intake.stream.js';

type Call = ServerReadableStream<intake.StreamEventsRequest, intake.StreamEventsResponse>;

/** Events as a stream of gRPC messages. It has the call itself in hand: an Observable would be filled however slowly it is read. */
@Controller()
export class IntakeController implements BeforeApplicationShutdown {
  private readonly ending = new AbortController();
  private open = 0;

  constructor(
    private readonly writer: EventWriter,
    private readonly rates: EventRates,
    private readonly keys: KeyRing,
    private readonly plans: TrackingPlanBook,
    private readonly gate: StreamGate,
    @Inject(SERVICE) private readonly context: ServiceContext<IngestionConfig>,
  ) {}

  /** Streams may last for hours: they are told to come again, before the server waits for them. */
  beforeApplicationShutdown(): void {
    this.ending.abort(new IntakeUnavailableError(new Error('ingestion is ending')));
  }

  @LetsKeysIn()
  @GrpcStreamCall('IntakeService', 'streamEvents')
  async streamEvents(call: Call, answer: sendUnaryData<intake.StreamEventsResponse>): Promise<void> {
    const gone = new AbortController();
    // Told by this event alone: the stream of messages would never end.
    call.once('cancelled', () => {
      gone.abort(new Error('the sender went away'));
      call.destroy();
    });
    const signal = AbortSignal.any([gone.signal, this.ending.signal]);
    let stream: EventStream | undefined;
    this.open++;
    const leave = () => call.destroy(signal.reason instanceof Error ? signal.reason : undefined);
    signal.addEventListener('abort', leave);
    try {
      const sender = await this.senderOf(call.metadata);
      const most = this.context.config.INTAKE_MAX_STREAMS;
      if (this.open > most) throw new TooManyStreamsError(most);
      stream = new EventStream({ writer: this.writer, rates: this.rates, plans: this.plans, gate: this.gate }, sender, signal);
      answer(null, await stream.take(call));
    } catch (error) {
      if (!gone.signal.aborted) answer(this.failureOf(error, stream?.results.length ?? 0).toServiceError());
    } finally {
      this.open--;
      signal.removeEventListener('abort', leave);
    }
  }

  private async senderOf(metadata: Metadata): Promise<Principal & { workspaceId: string }> {
    const [token] = metadata.get(PRINCIPAL_METADATA);
    if (token === undefined) return principalOf(this.keys, presentedKeys(metadata.get('authorization')[0]?.toString(), {}));
    const principal = await this.context.signer.verify(String(token)).catch(() => undefined);
    if (!principal || principal.workspaceId === null) throw new UnknownKeyError('The principal of this call is forged, over, or of no workspace.');
    if (!mayAct(principal.role, 'INTAKE')) throw new ForbiddenKeyError(`This needs the role INTAKE; the key has ${principal.role}.`);
    return principal as Principal & { workspaceId: string };
  }

  private failureOf(error: unknown, committed: number): RpcError {
    const metadata = { committedEvents: String(committed) };
    if (error instanceof UnknownKeyError) return new RpcError(status.UNAUTHENTICATED, error.message, { reason: 'KEY_UNKNOWN' });
    if (error instanceof ForbiddenKeyError) return new RpcError(status.PERMISSION_DENIED, error.message, { reason: 'FORBIDDEN' });
    if (error instanceof IntakeUnavailableError || error instanceof NotReadyError) {
      const { message, retryAfterSeconds } = error;
      return new RpcError(status.UNAVAILABLE, message, { reason: 'INTAKE_UNAVAILABLE', metadata: { ...metadata, retryAfterSeconds: String(retryAfterSeconds) } });
    }
    if (error instanceof TooManyStreamsError) {
      return new RpcError(status.RESOURCE_EXHAUSTED, error.message, { reason: 'STREAMS_FULL', metadata: { ...metadata, retryAfterSeconds: String(error.retryAfterSeconds) } });
    }
    if (error instanceof RpcError) return new RpcError(error.status, error.message, { reason: error.reason, metadata });
    this.context.log.error({ err: error }, 'unexpected failure in a stream of events');
    return new RpcError(status.INTERNAL, 'An unexpected failure; the service log has it.', { reason: 'INTERNAL', metadata });
  }
}

/** The replica serves as many streams as it may. */
class TooManyStreamsError extends Error {
  readonly retryAfterSeconds = 1;

  constructor(most: number) {
    super(`${most} streams are open, which is as many as this replica takes at once. Come again later, or send more events in each stream.`);
  }
}
