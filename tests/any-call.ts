import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { Client, credentials, Metadata, type MethodDefinition, type ServiceDefinition, type ServiceError } from '@grpc/grpc-js';
import { type AnyDefinition, loadSync } from '@grpc/proto-loader';
import fc from 'fast-check';

import { PRINCIPAL_METADATA, status } from '#libs/grpc';

type Method = MethodDefinition<object, object> & { readonly requestType: { readonly type: object } };

interface Field {
  readonly name: string;
  readonly label: string;
  readonly type: string;
  readonly typeName: string;
}

/** What a string, a field of bytes and a time may hold. */
export interface Leaves {
  readonly text: fc.Arbitrary<string>;
  readonly bytes: fc.Arbitrary<Buffer>;
}

/** A call of some method with some request, or several where it takes a stream. */
interface AnyCall {
  readonly path: string;
  readonly requests: readonly object[];
}

interface Answer {
  readonly code: number;
  readonly details: string;
}

export interface Attempt {
  readonly address: string;
  /** "kindred/serving/v1": a folder of definitions. */
  readonly folder: string;
  readonly principals: readonly string[];
  readonly leaves: Leaves;
  /** Of 25 calls at once. */
  readonly rounds: number;
}

/** What was tried: by service, methods and those of them that were answered well at least once. */
export interface Tried {
  readonly services: readonly string[];
  readonly methods: number;
  readonly well: number;
}

/** Statuses that say that the service failed, and not its caller. */
const OF_THE_SERVICE: ReadonlySet<number> = new Set([status.UNKNOWN, status.INTERNAL, status.UNAVAILABLE, status.DATA_LOSS, status.DEADLINE_EXCEEDED]);

/** Streams of answers may never end; their beginning is waited for this long. */
const STREAM_MS = 150;
const PROTO = 'libs/contracts/proto';
const DEADLINE_MS = 30_000;
const MOST_DEEP = 4;
const AT_ONCE = 25;
const WHOLE = /INT|FIXED/;
const TIMESTAMP = 'google.protobuf.Timestamp';
/** As far as they go by their definition: of others in a stream grpc-js itself says INTERNAL, before anybody here has seen them. */
const TIMES = fc.record({ seconds: fc.integer({ min: Date.parse('0001-01-01') / 1_000, max: Date.parse('9999-12-31') / 1_000 }), nanos: fc.integer({ min: 0, max: 999_999_999 }) });

interface AnyCalls {
  readonly services: readonly string[];
  readonly methods: ReadonlyMap<string, Method>;
  readonly call: fc.Arbitrary<AnyCall>;
}

/** Every method of every service of a folder of definitions ("kindred/serving/v1"): what they take is read from there, so that none is forgotten. */
function anyCallsOf(folder: string, leaves: Leaves): AnyCalls {
  const files = readdirSync(join(PROTO, folder)).map((file) => join(folder, file));
  const own = `${folder.replaceAll('/', '.')}.`;
  const definition = loadSync(files, { includeDirs: [PROTO], enums: Number, longs: Number, defaults: false });
  const services = Object.keys(definition).filter((name) => name.startsWith(own) && isService(definition[name]));
  const methods = services.flatMap((service) => Object.values(definition[service] as Record<string, Method>));
  const calls = methods.map(({ path, requestType, requestStream }) => {
    const request = messageOf(requestType.type, path.slice(1, path.lastIndexOf('.', path.indexOf('/', 1))), 0);
    return fc.array(request, { minLength: requestStream ? 0 : 1, maxLength: requestStream ? 4 : 1 }).map((requests) => ({ path, requests }));
  });
  return { services: services.toSorted(), methods: new Map(methods.map((method) => [method.path, method])), call: fc.oneof(...calls) };

  function messageOf(type: object, home: string, depth: number): fc.Arbitrary<object> {
    const { field } = type as { readonly field: readonly Field[] };
    const values = field.flatMap((one): [string, fc.Arbitrary<unknown>][] => {
      const value = valueOf(one, home, depth);
      if (!value) return [];
      return [[one.name, one.label === 'LABEL_REPEATED' ? fc.array(value, { maxLength: 4 }) : value]];
    });
    return fc.record(Object.fromEntries(values), { requiredKeys: [] });
  }

  /** Undefined for maps, and for what is nested too deep. */
  function valueOf({ type, typeName }: Field, home: string, depth: number): fc.Arbitrary<unknown> | undefined {
    if (type === 'TYPE_STRING') return leaves.text;
    if (type === 'TYPE_BYTES') return leaves.bytes;
    if (type === 'TYPE_BOOL') return fc.boolean();
    if (type === 'TYPE_DOUBLE' || type === 'TYPE_FLOAT') return fc.double();
    if (type === 'TYPE_ENUM') return fc.integer({ min: 0, max: 12 });
    if (typeName === TIMESTAMP) return TIMES;
    if (type === 'TYPE_MESSAGE') {
      const named = definition[`${home}.${typeName}`] ?? definition[typeName];
      return depth < MOST_DEEP && named ? messageOf((named as { readonly type: object }).type, home, depth + 1) : undefined;
    }
    if (!WHOLE.test(type)) throw new Error(`nothing is known of fields of ${type}`);
    const max = type.includes('64') ? 2 ** 53 : 2 ** 31 - 1;
    return fc.oneof(fc.constantFrom(0, 1, 2, 100, max), fc.maxSafeInteger().map((value) => (type.startsWith('TYPE_U') ? Math.abs(value) : value) % max));
  }
}

/** Any request of any method of any service, and none of them may be answered as a failure of the service. */
export async function tryAnyCalls({ address, folder, principals, leaves, rounds }: Attempt): Promise<Tried> {
  const { services, methods, call } = anyCallsOf(folder, leaves);
  const caller = new AnyCaller(address, methods);
  const well = new Set<string>();
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(call, fc.constantFrom(...principals)), { minLength: AT_ONCE, maxLength: AT_ONCE }), async (attempts) => {
        const answers = await Promise.all(attempts.map(async ([made, principal]) => ({ path: made.path, ...(await caller.send(made, principal)) })));
        for (const { path, code } of answers) if (code === status.OK) well.add(path);
        expect(answers.filter(({ code }) => OF_THE_SERVICE.has(code))).toEqual([]);
      }),
      { numRuns: rounds, endOnFailure: true },
    );
  } finally {
    caller.close();
  }
  return { services, methods: methods.size, well: well.size };
}

/** The services that a process registers, by their definitions, as `tryAnyCalls` names them. */
export function namesOf(services: readonly ServiceDefinition[] = []): string[] {
  return services.map((definition) => Object.values(definition)[0]?.path.split('/')[1] ?? '').toSorted();
}

function isService(defined: AnyDefinition | undefined): boolean {
  return defined !== undefined && !('format' in defined);
}

/** Calls by their definition alone. */
class AnyCaller {
  private readonly client: Client;

  constructor(
    address: string,
    private readonly methods: ReadonlyMap<string, Method>,
  ) {
    this.client = new Client(address, credentials.createInsecure());
  }

  /** An answer that goes on for ever counts once it has begun well. */
  send({ path, requests }: AnyCall, principal: string): Promise<Answer> {
    const method = this.methods.get(path);
    if (!method) throw new Error(`${path} is no method`);
    const metadata = new Metadata();
    metadata.set(PRINCIPAL_METADATA, principal);
    const { requestSerialize, responseDeserialize } = method;
    const options = { deadline: Date.now() + DEADLINE_MS };
    return new Promise((resolve) => {
      const done = (error: Partial<ServiceError> | null) => resolve({ code: error?.code ?? status.OK, details: error?.details ?? '' });
      if (method.responseStream) {
        const stream = this.client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, requests[0] ?? {}, metadata, options);
        const enough = setTimeout(() => stream.cancel(), STREAM_MS);
        stream.on('data', () => undefined);
        stream.on('error', (error: ServiceError) => {
          clearTimeout(enough);
          done(error.code === status.CANCELLED ? null : error);
        });
        stream.on('end', () => {
          clearTimeout(enough);
          done(null);
        });
      } else if (method.requestStream) {
        const stream = this.client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, metadata, options, done);
        for (const request of requests) stream.write(request);
        stream.end();
      } else {
        this.client.makeUnaryRequest(path, requestSerialize, responseDeserialize, requests[0] ?? {}, metadata, options, done);
      }
    });
  }

  close(): void {
    this.client.close();
  }
}
