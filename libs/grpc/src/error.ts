import { Metadata, status as grpcStatus } from '@grpc/grpc-js';
import { Any, ErrorInfo } from 'nice-grpc-error-details';
import { ErrorInfo as ErrorInfoCodec } from 'nice-grpc-error-details/lib/proto/google/rpc/error_details.js';
import { Status } from 'nice-grpc-error-details/lib/proto/google/rpc/status.js';

const DETAILS_KEY = 'grpc-status-details-bin';
const ERROR_INFO_TYPE = 'type.googleapis.com/google.rpc.ErrorInfo';

/** They travel twice, escaped, in headers, and a peer takes 64 KiB of those. */
const MOST_CHARACTERS = 2_000;
const MOST_OF_A_FACT = 4_000;

export interface RpcErrorOptions {
  /** Machine-readable, UPPER_SNAKE, part of the contract (proto comments name them). */
  reason: string;
  /** Small facts a caller can act on (`needed`, `found`, `field`). */
  metadata?: Record<string, string>;
  cause?: unknown;
}

/**
 * A failure as services tell each other: gRPC status, a sentence for a person, and google.rpc.ErrorInfo.
 * Throw it in a handler; a client of ours throws the equal one.
 */
export class RpcError extends Error {
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;

  constructor(
    readonly status: grpcStatus,
    message: string,
    options: RpcErrorOptions,
  ) {
    super(sendable(message, MOST_CHARACTERS), { cause: options.cause });
    this.name = 'RpcError';
    this.reason = options.reason;
    this.metadata = Object.fromEntries(Object.entries(options.metadata ?? {}).map(([name, value]) => [name, sendable(value, MOST_OF_A_FACT)]));
  }

  static invalid(message: string, options: RpcErrorOptions): RpcError {
    return new RpcError(grpcStatus.INVALID_ARGUMENT, message, options);
  }
  static notFound(message: string, options: RpcErrorOptions): RpcError {
    return new RpcError(grpcStatus.NOT_FOUND, message, options);
  }
  static precondition(message: string, options: RpcErrorOptions): RpcError {
    return new RpcError(grpcStatus.FAILED_PRECONDITION, message, options);
  }

  /** As grpc-js takes it from a handler: status plus trailing metadata. */
  toServiceError(): { code: grpcStatus; details: string; metadata: Metadata } {
    const info: ErrorInfo = ErrorInfo.fromPartial({ reason: this.reason, domain: 'kindred', metadata: { ...this.metadata } });
    const details = [Any.fromPartial({ typeUrl: ERROR_INFO_TYPE, value: ErrorInfoCodec.encode(info).finish() })];
    const metadata = new Metadata();
    metadata.set(DETAILS_KEY, Buffer.from(Status.encode(Status.fromPartial({ code: this.status, message: this.message, details })).finish()));
    return { code: this.status, details: this.message, metadata };
  }

  /** From what a call failed with: the status and, where the other end sent one, its ErrorInfo. */
  static fromCall(code: grpcStatus, message: string, trailer: readonly Uint8Array[], cause: unknown): RpcError {
    const packed = trailer[0];
    const detail = packed && Status.decode(packed).details.find((any) => any.typeUrl === ERROR_INFO_TYPE);
    const info = detail ? ErrorInfoCodec.decode(detail.value) : undefined;
    return new RpcError(code, message, {
      reason: info?.reason ?? grpcStatus[code] ?? 'UNKNOWN',
      metadata: info?.metadata ?? {},
      cause,
    });
  }
}

/** A fact that is a list, as JSON: of its values as many as may be told. */
export function factOf(values: readonly string[]): string {
  let length = 1;
  const fitting = values.map((value) => value.toWellFormed()).filter((value) => (length += JSON.stringify(value).length + 1) <= MOST_OF_A_FACT);
  return JSON.stringify(fitting);
}

/** What is told back to a caller may hold anything that it said: with half of a character in it grpc-js throws where nobody catches. */
function sendable(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most).toWellFormed()}…` : text.toWellFormed();
}
