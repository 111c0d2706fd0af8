import type { ReactNode } from 'react';
import { namesOf } from '../definition/names';
import { DefinitionNamesDocument, type ExportColumn } from '../gen/graphql';
import { useReading } from '../session/reading';
import { COLUMNS, toggled, type ContentDraft } from './content';

/** Names of attributes that are shown to choose from. */
const SHOWN = 12;

/** Which columns and attributes a file is to have. */
export function ContentFields({ draft, onChange }: { draft: ContentDraft; onChange: (draft: ContentDraft) => void }): ReactNode {
  const { data } = useReading(DefinitionNamesDocument, {});
  const known = data ? namesOf(data).attributes.slice(0, SHOWN) : [];
  return (
    <>
      <fieldset className="several">
        <legend>Columns, behind the customer’s id</legend>
        {(Object.keys(COLUMNS) as ExportColumn[]).map((column) => (
          <label key={column}>
            <input type="checkbox" checked={draft.columns.includes(column)} onChange={() => onChange({ ...draft, columns: toggled(draft.columns, column) })} />
            {COLUMNS[column]}
          </label>
        ))}
      </fieldset>
      <label className="field">
        Attributes, one a line
        <textarea rows={3} spellCheck={false} value={draft.attributes} onChange={({ target }) => onChange({ ...draft, attributes: target.value })} />
        <span className="small quiet light">{known.length > 0 ? `Some that customers have: ${known.join(', ')}.` : 'What identify says of them, by the names that it is sent under.'}</span>
      </label>
    </>
  );
}
