import { status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { catchError, firstValueFrom, of } from 'rxjs';

import { RpcErrorFilter } from './error.filter.js';

const filter = new RpcErrorFilter(pino({ level: 'silent' }));
const told = (thrown: unknown) => firstValueFrom(filter.catch(thrown).pipe(catchError((answer: { code: status; details: string }) => of(answer))));
const coded = (code: string, message = 'secret insides') => Object.assign(new Error(message), { code });

test.each([
  ['it was told to end this connection', coded('57P01')],
  ['it is starting', coded('57P03')],
  ['nobody listens there', coded('ECONNREFUSED')],
  ['the connection broke off', new Error('Connection terminated unexpectedly')],
  ['a pooled connection had died', new Error('Client has encountered a connection error and is not queryable')],
  ['Prisma was told so', Object.assign(coded('P2039'), { meta: { driverAdapterError: { cause: { code: '57P01' } } } })],
  ['it is wrapped by what asked for it', new Error('no answer', { cause: coded('08006') })],
])('a database that is away may be asked again: %s', async (_, error) => {
  expect(await told(error)).toMatchObject({ code: status.UNAVAILABLE, details: 'The database cannot be reached just now. Try again in a moment.' });
});

test.each([
  ['a defect of ours', new TypeError('secret insides')],
  ['a statement that Postgres does not understand', coded('42601')],
])('what nobody expected tells nothing of its insides: %s', async (_, error) => {
  expect(await told(error)).toMatchObject({ code: status.INTERNAL, details: 'An unexpected failure; the service log has it.' });
});

test('a value that no column holds is the fault of who sent it', async () => {
  expect(await told(coded('22021', 'invalid byte sequence'))).toMatchObject({ code: status.INVALID_ARGUMENT });
});
