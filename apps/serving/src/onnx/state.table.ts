import type { LiveManifest } from './live.manifest.js';

type Cells = Float32Array | BigInt64Array;

interface Column {
  readonly name: string;
  /** Where it lies in a packed state, and how long it is there, in bytes. */
  readonly offset: number;
  readonly bytes: number;
  readonly isLong: boolean;
}

const SIZES: Readonly<Record<string, number>> = { '|S2': 2, '<u2': 2, '<u4': 4, '<f4': 4, '<i8': 8 };
/** Fields of the head that are no part of the state. */
const HEAD = new Set(['magic', 'version', 'stamp']);

/** How one model's states are packed. */
export class StateRecord {
  readonly bytes: number;
  readonly head: Buffer;
  readonly columns: readonly Column[];

  constructor({ bytes, head, fields }: LiveManifest['state']['record']) {
    this.bytes = bytes;
    this.head = Buffer.from(head, 'hex');
    let offset = 0;
    this.columns = fields.map(([name, type, shape = []]) => {
      const size = SIZES[type];
      if (size === undefined) throw new Error(`live.json: a state has a field ${name} of type ${type}, which is not known here`);
      const column = { name, offset, bytes: size * shape.reduce((cells, axis) => cells * axis, 1), isLong: type === '<i8' };
      offset += column.bytes;
      return column;
    }).filter(({ name }) => !HEAD.has(name));
    if (offset !== bytes) throw new Error(`live.json: the fields of a state take ${offset} bytes, not ${bytes}`);
  }

  /** Whether a state is one of this model. */
  isOwn(state: Uint8Array): boolean {
    return state.length === this.bytes && this.head.equals(state.subarray(0, this.head.length));
  }
}

/** The states of many customers, a matrix for each field: as a graph takes them. */
export class StateTable {
  private readonly fields: ReadonlyMap<string, Buffer>;

  /** Empty states are those of nobody yet. */
  constructor(
    private readonly record: StateRecord,
    private readonly states: readonly Uint8Array[],
  ) {
    this.fields = new Map(record.columns.map(({ name, offset, bytes }) => {
      const rows = Buffer.alloc(bytes * states.length);
      states.forEach((state, row) => rows.set(state.subarray(offset, offset + bytes), row * bytes));
      return [name, rows];
    }));
  }

  /** The first rows of a field, without copying. */
  first(rows: number, name: string): Cells {
    const { bytes, isLong } = this.column(name);
    const { buffer, byteOffset } = this.cells(name);
    return isLong ? new BigInt64Array(buffer, byteOffset, (rows * bytes) / 8) : new Float32Array(buffer, byteOffset, (rows * bytes) / 4);
  }

  /** Replaces the first rows of a field. */
  replace(name: string, cells: Cells): void {
    this.cells(name).set(new Uint8Array(cells.buffer, cells.byteOffset, cells.byteLength));
  }

  packed(row: number): Buffer {
    const state = Buffer.alloc(this.record.bytes);
    this.record.head.copy(state);
    for (const { name, offset, bytes } of this.record.columns) this.cells(name).copy(state, offset, row * bytes, (row + 1) * bytes);
    return state;
  }

  get size(): number {
    return this.states.length;
  }

  private column(name: string): Column {
    const column = this.record.columns.find((one) => one.name === name);
    if (!column) throw new Error(`live.json: a graph asks for ${name}, which no state has`);
    return column;
  }

  private cells(name: string): Buffer {
    const cells = this.fields.get(name);
    if (!cells) throw new Error(`live.json: a graph asks for ${name}, which no state has`);
    return cells;
  }
}
