import { Fragment, useState, type ReactNode } from 'react';
import { columnOf, isOfCalls, nameOf, propertiesOf, readMapping, TARGETS, withColumn, withName, written, type Mapping, type Target } from './mapping';

const WORDS: Readonly<Record<Target, { label: string; none: string }>> = {
  customer: { label: 'User id', none: 'none' },
  anonymous: { label: 'Anonymous id', none: 'none' },
  time: { label: 'Time', none: 'choose …' },
  event: { label: 'Event', none: 'the same for all rows' },
  messageId: { label: 'Message id', none: 'made of what a row says' },
};

interface MappingEditorProps {
  /** JSON, which may be about to be typed. */
  mapping: string;
  /** Of the file. */
  columns: readonly string[];
  rows: number;
  onChange: (mapping: string) => void;
}

/** How rows become events: which column is what in a form, and all of it as JSON. */
export function MappingEditor({ mapping, columns, rows, onChange }: MappingEditorProps): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const draft = readMapping(mapping);
  return (
    <>
      {draft && <Fields mapping={draft} columns={columns} onChange={(changed) => onChange(written(changed))} />}
      <details open={isOpen || !draft} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary className="small">All of it, as JSON</summary>
        <label className="field">
          The mapping
          <textarea className="mono" rows={rows} spellCheck={false} value={mapping} onChange={({ target }) => onChange(target.value)} />
          <span className="small quiet light">What else it may say, such as how times are written and how rows become one event: docs/api/mapping.md.</span>
        </label>
      </details>
    </>
  );
}

interface FieldsProps {
  mapping: Mapping;
  columns: readonly string[];
  onChange: (mapping: Mapping) => void;
}

/** What they do not show of a mapping stays as it is. */
function Fields({ mapping, columns, onChange }: FieldsProps): ReactNode {
  if (isOfCalls(mapping)) return <p>Every line is a call in Segment’s form: nothing is to be chosen.</p>;
  const properties = propertiesOf(mapping);
  return (
    <>
      {TARGETS.map((target) => (
        <Fragment key={target}>
          <Column mapping={mapping} target={target} columns={columns} onChange={onChange} />
          {target === 'event' && columnOf(mapping, 'event') === null && <EventName mapping={mapping} onChange={onChange} />}
        </Fragment>
      ))}
      <p className="small quiet">{properties.length > 0 ? `Properties: ${properties.join(', ')}` : 'No other column becomes a property.'}</p>
    </>
  );
}

function EventName({ mapping, onChange }: Pick<FieldsProps, 'mapping' | 'onChange'>): ReactNode {
  return (
    <label className="field">
      Name of all events
      <input value={nameOf(mapping)} autoComplete="off" onChange={({ target }) => onChange(withName(mapping, target.value))} />
    </label>
  );
}

/** Chosen where a target is more than one column. */
const AS_IT_IS = '\0';

function Column({ mapping, target, columns, onChange }: FieldsProps & { target: Target }): ReactNode {
  const column = columnOf(mapping, target);
  const { label, none } = WORDS[target];
  return (
    <label className="field">
      {label}
      <select value={column === undefined ? AS_IT_IS : (column ?? '')} onChange={(event) => onChange(withColumn(mapping, target, event.target.value || null))}>
        {column === undefined && (
          <option value={AS_IT_IS} disabled>
            as the JSON says
          </option>
        )}
        <option value="">{none}</option>
        {[...new Set([...columns, ...(column ? [column] : [])])].map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}
