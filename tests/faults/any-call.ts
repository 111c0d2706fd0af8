import { Client, credentials, Metadata, type MethodDefinition, type ServiceError } from '@grpc/grpc-js';
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
export interface AnyCall {
  readonly path: string;
  readonly requests: readonly object[];
}

export interface Answer {
  readonly code: number;
  readonly details: string;
}

/** Streams of answers may never end; their beginning is waited for this long. */
const STREAM_MS = 150;
const DEADLINE_MS = 30_000;
const MOST_DEEP = 4;
const WHOLE = /INT|FIXED/;
const TIMESTAMP = 'google.protobuf.Timestamp';
/** As far as they go by their definition: of others in a stream grpc-js itself says INTERNAL, before anybody here has seen them. */
const TIMES = fc.record({ seconds: fc.integer({ min: Date.parse('0001-01-01') / 1_000, max: Date.parse('9999-12-31') / 1_000 }), nanos: fc.integer({ min: 0, max: 999_999_999 }) });

export interface AnyCalls {
  readonly services: readonly string[];
  readonly methods: ReadonlyMap<string, Method>;
  readonly call: fc.Arbitrary<AnyCall>;
}

/** Every method of every service that the files define: what they take is read from the definition, so that none is forgotten. */
export function anyCallsOf(files: readonly string[], leaves: Leaves): AnyCalls {
  const definition = loadSync([...files], { includeDirs: ['libs/contracts/proto'], enums: Number, longs: Number, defaults: false });
  const services = Object.keys(definition).filter((name) => isService(definition[name]));
  const methods = services.flatMap((service) => Object.values(definition[service] as Record<string, Method>));
  const calls = methods.map(({ path, requestType, requestStream }) => {
    const request = messageOf(requestType.type, path.slice(1, path.lastIndexOf('.', path.indexOf('/', 1))), 0);
    return fc.array(request, { minLength: requestStream ? 0 : 1, maxLength: requestStream ? 4 : 1 }).map((requests) => ({ path, requests }));
  });
  return { services, methods: new Map(methods.map((method) => [method.path, method])), call: fc.oneof(...calls) };

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

function isService(defined: AnyDefinition | undefined): boolean {
  return defined !== undefined && !('format' in defined);
}

/** Calls by their definition alone. */
export class AnyCaller {
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
