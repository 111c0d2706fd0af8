import { ServerInterceptingCall, type ServerInterceptingCallInterface, type ServerInterceptor } from '@grpc/grpc-js';
import { Semaphore } from 'async-mutex';

import { intake } from '#libs/contracts';

type Message = intake.StreamEventsRequest;

/** What one message may have, so that those that wait at the door, one of each stream, are no more together than what is in. */
export const MOST_MESSAGE_BYTES = 1024 ** 2;
export const MOST_MESSAGE_EVENTS = 10_000;
/** Messages of one stream that are in at once: read, and not yet settled. */
export const AT_ONCE = 4;
/** Room is given out in such pieces: the semaphore's work grows with how many there are. */
const PIECE_BYTES = 64 * 1024;
/** What an event takes when it is decoded, however small it was. */
const EVENT_BYTES = 1024;

/** Stands for a message that is over a limit: its events are let go at once, and the stream refuses it in its turn. */
export class OversizedMessage implements Message {
  readonly events = [];
  readonly sentAt = undefined;
  readonly eventCount: number;
  readonly bytes: number;

  constructor(message: Message) {
    this.eventCount = message.events.length;
    this.bytes = bytesOf(message);
  }
}

/**
 * Lets messages of streams in while there is room for their bytes, and of each stream few; what waits before it holds its
 * sender back by flow control. Only here can that be: the stream that handlers are given reads sixteen messages ahead, of whatever size.
 */
export class StreamGate {
  private readonly room: Semaphore;
  private readonly leaving = new WeakMap<Message, () => void>();

  private readonly pieces: number;

  constructor(maxBytes: number) {
    this.pieces = piecesOf(maxBytes);
    this.room = new Semaphore(this.pieces);
  }

  /** For the gRPC server; calls of other methods pass. */
  readonly interceptor: ServerInterceptor = (method, call) => (method.path === intake.IntakeServiceService.streamEvents.path ? this.guarded(call) : new ServerInterceptingCall(call));

  /** A message's events are settled: its room is free. */
  leave(message: Message): void {
    this.leaving.get(message)?.();
  }

  private guarded(call: ServerInterceptingCallInterface): ServerInterceptingCall {
    const places = new Semaphore(AT_ONCE);
    const inside = new Set<() => void>();
    let isOver = false;
    const end = () => {
      isOver = true;
      for (const leave of inside) leave();
    };
    const enter = async (message: Message, pass: (message: Message) => void) => {
      const [, freePlace] = await places.acquire();
      // What is larger than all room would wait for ever.
      const [, freeRoom] = await this.room.acquire(Math.min(piecesOf(roomOf(message)), this.pieces));
      const leave = () => {
        inside.delete(leave);
        freeRoom();
        freePlace();
      };
      inside.add(leave);
      if (isOver) return leave();
      this.leaving.set(message, leave);
      pass(message);
    };
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMessage: (message, pass) => void enter(withinLimits(message as Message), pass),
          onCancel: () => end(),
        }),
      sendStatus: (status, next) => {
        end();
        next(status);
      },
    });
  }
}

/** What a message's events hold, by their characters. */
export function bytesOf({ events }: Message): number {
  return events.reduce((sum, event) => sum + event.length, 0);
}

const withinLimits = (message: Message): Message =>
  message.events.length > MOST_MESSAGE_EVENTS || bytesOf(message) > MOST_MESSAGE_BYTES ? new OversizedMessage(message) : message;
const roomOf = (message: Message): number => Math.max(bytesOf(message), message.events.length * EVENT_BYTES);

function piecesOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / PIECE_BYTES));
}
