import type { ReactNode } from 'react';
import { columnOf, isOfCalls, nameOf, propertiesOf, TARGETS, withColumn, withName, type Mapping, type Target } from './mapping';

const WORDS: Readonly<Record<Target, { label: string; none: string }>> = {
  customer: { label: 'User id', none: 'none' },
  anonymous: { label: 'Anonymous id', none: 'none' },
  time: { label: 'Time', none: 'choose …' },
  event: { label: 'Event', none: 'the same for all rows' },
  messageId: { label: 'Message id', none: 'made of what a row says' },
};

interface MappingFieldsProps {
  mapping: Mapping;
  /** Of the file. */
  columns: readonly string[];
  onChange: (mapping: Mapping) => void;
}

/** Which column is what; all else that a mapping says stays as it is. */
export function MappingFields({ mapping, columns, onChange }: MappingFieldsProps): ReactNode {
  if (isOfCalls(mapping)) return <p>Every line is a call in Segment’s form: nothing is to be chosen.</p>;
  const properties = propertiesOf(mapping);
  return (
    <>
      {TARGETS.map((target) => (
        <Column key={target} mapping={mapping} target={target} columns={columns} onChange={onChange} />
      ))}
      {columnOf(mapping, 'event') === null && (
        <label className="field">
          Name of all events
          <input value={nameOf(mapping)} autoComplete="off" onChange={({ target }) => onChange(withName(mapping, target.value))} />
        </label>
      )}
      <p className="small quiet">{properties.length > 0 ? `Properties: ${properties.join(', ')}` : 'No other column becomes a property.'}</p>
    </>
  );
}

const AS_IT_IS = '\0';

function Column({ mapping, target, columns, onChange }: MappingFieldsProps & { target: Target }): ReactNode {
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
