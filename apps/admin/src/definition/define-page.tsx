import { useMemo, useState, type ReactNode } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { CustomerLink } from '../customer/customer-link';
import { CreateSegmentDocument, PreviewSegmentDocument, SegmentDefinitionDocument, UpdateSegmentDocument, type CustomerConditionInput, type UpdateSegmentInput } from '../gen/graphql';
import { Card, PageHead } from '../parts/card';
import { Choice } from '../parts/choice';
import { FormProblem } from '../parts/form-problem';
import { Empty, Loading, Problem } from '../parts/states';
import { useSay } from '../parts/toast';
import { useFormAction } from '../session/action';
import { useReading } from '../session/reading';
import { count, counted } from '../wording/figure';
import { dateAndTime } from '../wording/time';
import { conditionOf, draftOf, NEW, Unreadable, type GroupDraft } from './condition';
import { RuleEditor } from './condition-editor';
import { RuleNotices } from './rule-notices';

type Form = 'rule' | 'list';
const FORMS = [{ value: 'rule', words: 'By a rule' }, { value: 'list', words: 'A fixed list' }] as const;
const EMPTY: GroupDraft = { ...NEW.group, join: 'all', parts: [NEW.performed] };

/** What a segment is to be, or what cannot be read of it. */
type Meaning = { input: UpdateSegmentInput } | { problem: string };

/** A new segment: whoever meets a rule, or a fixed list of customers. */
export function DefinePage(): ReactNode {
  const [form, setForm] = useState<Form>('rule');
  const [rule, setRule] = useState(EMPTY);
  const [list, setList] = useState('');
  const meaning = useMeaning(form, rule, list);
  return (
    <>
      <PageHead
        title="Define a segment"
        above={<Link to="/segments">Segments</Link>}
        below={<p className="quiet">Whoever meets a rule, kept live with every event; or customers whom you list.</p>}
        actions={<Choice label="How it is defined" options={FORMS} value={form} onChange={setForm} />}
      />
      <div className="columns wide-left">
        {form === 'rule' ? (
          <Card title="The rule">
            <RuleEditor draft={rule} onChange={setRule} />
          </Card>
        ) : (
          <ListCard list={list} onChange={setList} />
        )}
        <Card title="The segment">
          <div className="stack tight">
            {form === 'rule' && <Preview meaning={meaning} />}
            <Maker meaning={meaning} />
          </div>
        </Card>
      </div>
    </>
  );
}

/** Another rule, or another list, for a segment that there is. */
export function RedefinePage(): ReactNode {
  const { id = '' } = useParams();
  const { data, error, isLoading, again } = useReading(SegmentDefinitionDocument, { id });
  // One by example has neither rule nor list.
  const isDefined = Boolean(data?.segmentDefinition) && (data?.segment?.kind === 'RULE' || data?.segment?.kind === 'STATIC');
  return (
    <>
      {error && <Problem error={error} again={again} />}
      {isLoading && (
        <section className="card">
          <Loading what="how it is defined" lines={6} />
        </section>
      )}
      {data && !isDefined && (
        <section className="card">
          <Empty title="There is no rule or list to change" action={<Link className="button" to="/segments">All segments</Link>}>
            Rules and lists can be changed; of a segment by example its threshold can be moved, on its page. What a model found can be renamed.
          </Empty>
        </section>
      )}
      {isDefined && data?.segment && data.segmentDefinition && <Redefine key={id} segment={data.segment} isRule={data.segment.kind === 'RULE'} condition={data.segmentDefinition.condition as CustomerConditionInput | null} />}
    </>
  );
}

/** `condition`: null of a list, and of a rule that cannot be read. */
function Redefine({ segment, isRule, condition }: { segment: { id: string; name: string }; isRule: boolean; condition: CustomerConditionInput | null }): ReactNode {
  const form: Form = isRule ? 'rule' : 'list';
  const [rule, setRule] = useState(() => (condition ? draftOf(condition) : EMPTY));
  const [list, setList] = useState('');
  const meaning = useMeaning(form, rule, list);
  const place = `/segments/${encodeURIComponent(segment.id)}`;
  return (
    <>
      <PageHead title={`Change “${segment.name}”`} above={<><Link to="/segments">Segments</Link> / <Link to={place}>{segment.name}</Link></>} />
      <div className="columns wide-left">
        {form === 'rule' ? (
          <Card title="The rule">
            <RuleEditor draft={rule} onChange={setRule} except={segment.id} />
          </Card>
        ) : (
          <ListCard list={list} onChange={setList} note="In place of whatever it was" />
        )}
        <Card title="The segment">
          <div className="stack tight">
            {form === 'rule' && <Preview meaning={meaning} />}
            <Changer segment={segment} meaning={meaning} />
          </div>
        </Card>
      </div>
    </>
  );
}

function useMeaning(form: Form, rule: GroupDraft, list: string): Meaning {
  return useMemo(() => {
    if (form === 'list') {
      const userIds = [...new Set(list.split(/[\s,;]+/).filter((id) => id !== ''))];
      return userIds.length > 0 ? { input: { userIds } } : { problem: 'List at least one customer by their user id.' };
    }
    try {
      return { input: { condition: conditionOf(rule) } };
    } catch (error) {
      if (error instanceof Unreadable) return { problem: error.message };
      throw error;
    }
  }, [form, list, rule]);
}

function ListCard({ list, onChange, note = '' }: { list: string; onChange: (list: string) => void; note?: string }): ReactNode {
  return (
    <Card title="The list" note={note}>
      <label className="field">
        User ids
        <textarea value={list} onChange={({ target }) => onChange(target.value)} placeholder="shopper-000001 shopper-000002" rows={10} />
      </label>
    </Card>
  );
}

/** Who would be in it, counted when it is asked for: it reads the whole window. */
function Preview({ meaning }: { meaning: Meaning }): ReactNode {
  const condition = 'input' in meaning ? meaning.input.condition : undefined;
  const wanted = JSON.stringify(condition);
  const [asked, setAsked] = useState<string>();
  return (
    <>
      {/* Its own for each rule: the count of another one is none of this. */}
      {condition && asked === wanted ? (
        <Counted key={asked} condition={condition} />
      ) : (
        <div className="row tight">
          <button type="button" className="button" disabled={!condition} onClick={() => setAsked(wanted)}>
            Count who meets it
          </button>
        </div>
      )}
      {'problem' in meaning && <p className="small quiet">{meaning.problem}</p>}
    </>
  );
}

function Counted({ condition }: { condition: CustomerConditionInput }): ReactNode {
  const { data, error, isLoading } = useReading(PreviewSegmentDocument, { condition });
  if (isLoading) return <Loading what="who meets it" lines={2} />;
  if (!data) return error && <Problem error={error} />;
  const { size, population, asOf, notices, sample } = data.previewSegment;
  return (
    <div>
      <p>
        <strong>{counted(size, 'customer')}</strong> <span className="quiet">of {count(population)}, as of {dateAndTime(asOf)}</span>
      </p>
      {size === 0 && <p className="small quiet">Nobody meets it now. Names and values count letter by letter, and 100 as text is not the number 100.</p>}
      <RuleNotices notices={notices} />
      <p className="row tight small">
        {sample.slice(0, 8).map((customer) => (
          <CustomerLink key={customer.id} customer={customer} />
        ))}
      </p>
    </div>
  );
}

function Maker({ meaning }: { meaning: Meaning }): ReactNode {
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const { isBusy, problem, setProblem, run } = useFormAction(CreateSegmentDocument, 'Segment');
  const navigate = useNavigate();
  const say = useSay();
  const make = async (): Promise<void> => {
    if ('problem' in meaning) return setProblem(meaning.problem);
    const made = await run({ input: { name: name.trim(), description: description.trim(), ...meaning.input } });
    if (!made) return;
    say(`“${made.name}” is made; its members come within moments.`);
    void navigate(`/segments/${encodeURIComponent(made.id)}`);
  };
  return (
    <Saving confirm="Make the segment" busy={isBusy || name.trim() === ''} problem={problem} onSave={() => void make()}>
      <label className="field">
        Name
        <input value={name} onChange={({ target }) => setName(target.value)} maxLength={120} autoComplete="off" />
      </label>
      <label className="field">
        Description
        <textarea value={description} onChange={({ target }) => setDescription(target.value)} maxLength={600} />
      </label>
    </Saving>
  );
}

function Changer({ segment, meaning }: { segment: { id: string; name: string }; meaning: Meaning }): ReactNode {
  const { isBusy, problem, setProblem, run } = useFormAction(UpdateSegmentDocument, 'Segment');
  const navigate = useNavigate();
  const say = useSay();
  const change = async (): Promise<void> => {
    if ('problem' in meaning) return setProblem(meaning.problem);
    if (!(await run({ id: segment.id, input: meaning.input }))) return;
    say(`“${segment.name}” is changed; its members come and go within moments.`);
    void navigate(`/segments/${encodeURIComponent(segment.id)}`);
  };
  return <Saving confirm="Change the segment" busy={isBusy} problem={problem} onSave={() => void change()} />;
}

interface SavingProps {
  confirm: string;
  busy: boolean;
  problem: string | undefined;
  onSave: () => void;
  children?: ReactNode;
}

function Saving({ confirm, busy, problem, onSave, children }: SavingProps): ReactNode {
  return (
    <form
      className="stack tight"
      onSubmit={(event) => {
        event.preventDefault();
        onSave();
      }}
    >
      {children}
      <FormProblem>{problem}</FormProblem>
      <div className="row end tight">
        <button type="submit" className="button primary" disabled={busy}>
          {confirm}
        </button>
      </div>
    </form>
  );
}
