import type { AttributeValue, ColumnType, FileColumn } from './export.columns.js';

const LARGEST = 2n ** 63n;

/** An attribute's column: of the narrowest type that holds every value it was given, each as its text. */
export class AttributeColumn {
  private type: ColumnType | undefined;
  /** A whole number is among them that a double would round. */
  private hasLong = false;

  constructor(readonly attribute: string) {}

  /** What goes into the file; JSON's null is a missing value. */
  take(value: AttributeValue | undefined): string | null {
    if (!value || value.kind === 'null') return null;
    const type = typeOf(value);
    this.hasLong ||= type === 'BIGINT' && !Number.isSafeInteger(Number(value.text));
    this.type = this.type === undefined || this.type === type ? type : isNumeric(this.type) && isNumeric(type) && !this.hasLong ? 'DOUBLE' : 'VARCHAR';
    return value.text;
  }

  /** Text, where nobody has it. */
  get column(): FileColumn {
    return { name: `attribute_${this.attribute}`, type: this.type ?? 'VARCHAR' };
  }
}

/** A number that neither holds stays a text; a list or an object is its JSON. */
function typeOf({ kind, text }: AttributeValue): ColumnType {
  if (kind === 'boolean') return 'BOOLEAN';
  if (kind !== 'number') return 'VARCHAR';
  if (/^-?\d{1,19}$/.test(text) && BigInt(text) < LARGEST && BigInt(text) >= -LARGEST) return 'BIGINT';
  return Number.isFinite(Number(text)) && !/^-?\d{16,}$/.test(text) ? 'DOUBLE' : 'VARCHAR';
}

const isNumeric = (type: ColumnType) => type === 'BIGINT' || type === 'DOUBLE';
