import { useId, useMemo, type ReactNode } from 'react';
import { DefinitionNamesDocument, SegmentsDocument, type PropertyOperator } from '../gen/graphql';
import { useReading } from '../session/reading';
import { comparedBy, NEW, NEW_FILTER, NEW_SUM, NUMBERS_ONLY, OPERATORS, TEXTS_ONLY, type AttributeDraft, type ConditionDraft, type FilterDraft, type GroupDraft, type MemberDraft, type PerformedDraft, type SumDraft, type ValueKind } from './condition';
import { namesOf, NO_NAMES, type Names } from './names';
import './definition.css';

/** How deep a form lets groups lie in one another; the server takes a few more. */
const DEEPEST = 4;
const ADDING = { performed: 'Something they did', attribute: 'An attribute', member: 'A segment', group: 'A group' } as const satisfies Record<ConditionDraft['is'], string>;
const KINDS: Readonly<Record<ValueKind, string>> = { text: 'text', number: 'number', truth: 'true or false' };

/** What is offered: ids of lists of names, and what is not the same everywhere. */
interface Lists extends Pick<Names, 'propertiesOf'> {
  events: string;
  attributes: string;
  segments: readonly { id: string; name: string }[];
}

interface EditorProps<Draft> {
  draft: Draft;
  onChange: (draft: Draft) => void;
  lists: Lists;
}

/** A rule as conditions that are added, changed and removed; `except`: a segment that it cannot name, its own. */
export function RuleEditor({ draft, onChange, except }: { draft: GroupDraft; onChange: (draft: GroupDraft) => void; except?: string | undefined }): ReactNode {
  const { data } = useReading(DefinitionNamesDocument, {});
  const { data: all } = useReading(SegmentsDocument, {});
  const id = useId();
  const names = useMemo(() => (data ? namesOf(data) : NO_NAMES), [data]);
  const lists: Lists = { events: `${id}events`, attributes: `${id}attributes`, propertiesOf: names.propertiesOf, segments: all?.segments.nodes.filter((segment) => segment.id !== except) ?? [] };
  return (
    <>
      <Options id={lists.events} names={names.events} />
      <Options id={lists.attributes} names={names.attributes} />
      <Group draft={draft} onChange={onChange} lists={lists} depth={1} />
    </>
  );
}

function Options({ id, names }: { id: string; names: readonly string[] }): ReactNode {
  return (
    <datalist id={id}>
      {names.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </datalist>
  );
}

function Group({ draft, onChange, lists, depth }: EditorProps<GroupDraft> & { depth: number }): ReactNode {
  const change = (at: number, part: ConditionDraft | undefined): void => onChange({ ...draft, parts: draft.parts.flatMap((one, index) => (index === at ? (part ?? []) : one)) });
  return (
    <div className="rule-group">
      <label className="rule-join">
        Customers who meet
        <select className="box" value={draft.join} onChange={({ target }) => onChange({ ...draft, join: target.value as GroupDraft['join'] })}>
          <option value="all">all</option>
          <option value="any">any</option>
        </select>
        of these
      </label>
      <ol className="rule-parts">
        {draft.parts.map((part, at) => (
          // A condition has no identity but its place; all it shows is in the draft.
          <li key={at}>
            <Part draft={part} onChange={(changed) => change(at, changed)} onRemove={() => change(at, undefined)} lists={lists} depth={depth} />
          </li>
        ))}
      </ol>
      <div className="row tight" role="group" aria-label="Add a condition">
        <span className="small quiet">Add:</span>
        {(Object.keys(ADDING) as ConditionDraft['is'][])
          .filter((is) => is !== 'group' || depth < DEEPEST)
          .map((is) => (
            <button key={is} type="button" className="button" onClick={() => onChange({ ...draft, parts: [...draft.parts, NEW[is]] })}>
              {ADDING[is]}
            </button>
          ))}
      </div>
    </div>
  );
}

function Part({ draft, onChange, onRemove, lists, depth }: EditorProps<ConditionDraft> & { onRemove: () => void; depth: number }): ReactNode {
  return (
    <fieldset className="rule-part">
      <legend className="hidden-visually">{ADDING[draft.is]}</legend>
      <div className="rule-part-head">
        <label className="rule-not">
          <input type="checkbox" checked={draft.isNot} onChange={({ target }) => onChange({ ...draft, isNot: target.checked })} />
          not
        </label>
        <button type="button" className="button bare" onClick={onRemove} aria-label={`Remove: ${ADDING[draft.is].toLowerCase()}`}>
          ×
        </button>
      </div>
      {draft.is === 'performed' && <Performed draft={draft} onChange={onChange} lists={lists} />}
      {draft.is === 'member' && <Member draft={draft} onChange={onChange} lists={lists} />}
      {draft.is === 'attribute' && <Attribute draft={draft} onChange={onChange} lists={lists} />}
      {draft.is === 'group' && <Group draft={draft} onChange={onChange} lists={lists} depth={depth + 1} />}
    </fieldset>
  );
}

function Performed({ draft, onChange, lists }: EditorProps<PerformedDraft>): ReactNode {
  const properties = useId();
  const typed = (name: 'atLeast' | 'atMost' | 'withinDays', label: string): ReactNode => (
    <label className="field few">
      {label}
      <input value={draft[name]} inputMode="numeric" autoComplete="off" placeholder={name === 'withinDays' ? 'ever' : '–'} onChange={({ target }) => onChange({ ...draft, [name]: target.value })} />
    </label>
  );
  const change = (at: number, filter: FilterDraft | undefined): void => onChange({ ...draft, filters: draft.filters.flatMap((one, index) => (index === at ? (filter ?? []) : one)) });
  return (
    <>
      <div className="rule-fields">
        <label className="field">
          Event
          <input value={draft.event} list={lists.events} autoComplete="off" placeholder="Order Completed" onChange={({ target }) => onChange({ ...draft, event: target.value })} />
        </label>
        {typed('atLeast', 'At least')}
        {typed('atMost', 'At most')}
        {typed('withinDays', 'Within days')}
      </div>
      <Options id={properties} names={lists.propertiesOf(draft.event.trim())} />
      {draft.filters.map((filter, at) => (
        <div key={at} className="row tight rule-filter">
          <Filter what="Where property" like="revenue" draft={filter} onChange={(changed) => change(at, changed)} list={properties} />
          <button type="button" className="button bare" onClick={() => change(at, undefined)} aria-label="Remove: where property">
            ×
          </button>
        </div>
      ))}
      {draft.sum && <Sum draft={draft.sum} onChange={(sum) => onChange({ ...draft, sum })} list={properties} />}
      <div className="row tight rule-where">
        <button type="button" className="button bare" onClick={() => onChange({ ...draft, filters: [...draft.filters, NEW_FILTER] })}>
          + where a property …
        </button>
        {!draft.sum && (
          <button type="button" className="button bare" onClick={() => onChange({ ...draft, sum: NEW_SUM, ...(draft.atLeast === '1' ? { atLeast: '' } : {}) })}>
            + a sum of …
          </button>
        )}
      </div>
    </>
  );
}

/** `onChange` of null: it is not asked. */
function Sum({ draft, onChange, list }: { draft: SumDraft; onChange: (draft: SumDraft | null) => void; list: string }): ReactNode {
  const typed = (name: keyof SumDraft, label: string): ReactNode => (
    <label className="field few">
      {label}
      <input value={draft[name]} inputMode="decimal" autoComplete="off" placeholder="–" onChange={({ target }) => onChange({ ...draft, [name]: target.value })} />
    </label>
  );
  return (
    <div className="row tight rule-filter">
      <div className="rule-fields">
        <label className="field">
          Sum of property
          <input value={draft.property} list={list} autoComplete="off" placeholder="revenue" onChange={({ target }) => onChange({ ...draft, property: target.value })} />
        </label>
        {typed('atLeast', 'Sum at least')}
        {typed('atMost', 'Sum at most')}
      </div>
      <button type="button" className="button bare" onClick={() => onChange(null)} aria-label="Remove: sum of property">
        ×
      </button>
    </div>
  );
}

function Member({ draft, onChange, lists }: EditorProps<MemberDraft>): ReactNode {
  return (
    <label className="field">
      Is in the segment
      <select value={draft.segmentId} onChange={({ target }) => onChange({ ...draft, segmentId: target.value })}>
        <option value="">choose …</option>
        {draft.segmentId !== '' && !lists.segments.some(({ id }) => id === draft.segmentId) && <option value={draft.segmentId}>a segment that is not listed</option>}
        {lists.segments.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Attribute({ draft, onChange, lists }: EditorProps<AttributeDraft>): ReactNode {
  return <Filter what="Attribute" like="plan" draft={draft.filter} onChange={(filter) => onChange({ ...draft, filter })} list={lists.attributes} />;
}

interface FilterProps {
  what: string;
  /** What is meant, by example. */
  like: string;
  draft: FilterDraft;
  onChange: (draft: FilterDraft) => void;
  list: string;
}

function Filter({ what, like, draft, onChange, list }: FilterProps): ReactNode {
  const isOfOneKind = [...NUMBERS_ONLY, ...TEXTS_ONLY].includes(draft.operator);
  return (
    <div className="rule-fields">
      <label className="field">
        {what}
        <input value={draft.property} list={list} autoComplete="off" placeholder={like} onChange={({ target }) => onChange({ ...draft, property: target.value })} />
      </label>
      <label className="field few">
        Compared
        <select
          value={draft.operator}
          onChange={({ target }) => onChange(comparedBy(draft, target.value as PropertyOperator))}
        >
          {Object.entries(OPERATORS).map(([operator, words]) => (
            <option key={operator} value={operator}>
              {words}
            </option>
          ))}
        </select>
      </label>
      {draft.operator !== 'IS_SET' && (
        <>
          <label className="field few">
            Type
            <select value={draft.kind} disabled={isOfOneKind} onChange={({ target }) => onChange(ofKind(draft, target.value as ValueKind))}>
              {Object.entries(KINDS).map(([kind, words]) => (
                <option key={kind} value={kind}>
                  {words}
                </option>
              ))}
            </select>
          </label>
          {draft.operator === 'IS_ONE_OF' ? <Values draft={draft} onChange={onChange} /> : <Value draft={draft} onChange={onChange} />}
        </>
      )}
    </div>
  );
}

function ofKind(draft: FilterDraft, kind: ValueKind): FilterDraft {
  return { ...draft, kind, value: kind === 'truth' ? 'true' : draft.value };
}

function Value({ draft, onChange }: Pick<FilterProps, 'draft' | 'onChange'>): ReactNode {
  return (
    <label className="field few">
      Value
      {draft.kind === 'truth' ? (
        <select value={draft.value} onChange={({ target }) => onChange({ ...draft, value: target.value })}>
          <option value="true">true</option>
          <option value="false">false</option>
        </select>
      ) : (
        <input value={draft.value} inputMode={draft.kind === 'number' ? 'decimal' : 'text'} autoComplete="off" onChange={({ target }) => onChange({ ...draft, value: target.value })} />
      )}
    </label>
  );
}

function Values({ draft, onChange }: Pick<FilterProps, 'draft' | 'onChange'>): ReactNode {
  return (
    <label className="field rule-values">
      Values, one a line
      <textarea value={draft.values.join('\n')} rows={3} onChange={({ target }) => onChange({ ...draft, values: target.value.split('\n') })} />
    </label>
  );
}
