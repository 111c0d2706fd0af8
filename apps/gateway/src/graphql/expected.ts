import { RpcError, status } from '#libs/grpc';

/** What may go wrong in a mutation and the caller can do something about: a member of its result's union. */
export class ExpectedFailure<Type extends string> {
  constructor(
    readonly type: Type,
    readonly code: string,
    readonly message: string,
    /** Facts of the failure, as the service sent them. */
    readonly facts: Readonly<Record<string, string>> = {},
  ) {}
}

/**
 * Does `work`, and answers failures of the given reasons as members of the union. Keys are reasons, or
 * statuses ("NOT_FOUND") for every reason of that status that is not named itself. All else is thrown.
 */
export async function expecting<Type extends string, Result>(
  failures: Readonly<Record<string, Type>>,
  work: () => Promise<Result>,
): Promise<Result | ExpectedFailure<Type>> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    const type = failures[error.reason] ?? failures[status[error.status] ?? ''];
    if (type === undefined) throw error;
    return new ExpectedFailure(type, error.reason, error.message, error.metadata);
  }
}

/** `__resolveType` of a union whose one success is of type `success`. */
export function outcomeOf<Success extends string>(success: Success) {
  return {
    __resolveType: <Type extends string>(value: object | ExpectedFailure<Type>): Success | Type =>
      value instanceof ExpectedFailure ? (value.type as Type) : success,
  };
}

/** What is asked for by an id that was never handed out. */
export function notFound(code: string, message: string): ExpectedFailure<'NotFound'> {
  return new ExpectedFailure('NotFound', code, message);
}
