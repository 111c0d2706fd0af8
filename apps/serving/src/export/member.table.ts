import { AttributeColumn } from './attribute.column.js';
import { type ColumnChoice, type FileColumn, type FileFacts, type NamedMember, ownColumns } from './export.columns.js';
import { type FileFormat, harmless, lineOf } from './member.file.js';

/** The lines of one file, and the columns that they make. */
export class MemberTable {
  private readonly own;
  private readonly attributes: readonly AttributeColumn[];

  constructor(
    private readonly format: FileFormat,
    choice: ColumnChoice,
    private readonly facts: FileFacts,
  ) {
    this.own = ownColumns(choice);
    this.attributes = choice.attributes.map((attribute) => new AttributeColumn(attribute));
  }

  get header(): string {
    return lineOf(this.columns.map(({ name }) => name));
  }

  /** An attribute's type is that of all lines so far. */
  get columns(): FileColumn[] {
    return [...this.own.map(({ name, type }) => ({ name, type })), ...this.attributes.map(({ column }) => column)];
  }

  line(member: NamedMember): string {
    const values = [...this.own.map(({ of }) => of(member, this.facts)), ...this.attributes.map((column) => column.take(member.attributes.get(column.attribute)))];
    return lineOf(this.format === 'CSV' ? values.map(harmless) : values);
  }
}
