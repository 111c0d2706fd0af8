import { useState, type ReactNode } from 'react';
import { Link, useNavigate } from 'react-router';
import { useClient } from 'urql';
import { PreviewImportDocument, StartImportDocument } from '../gen/graphql';
import { Card, PageHead } from '../parts/card';
import { Bar } from '../parts/figures';
import { FormProblem } from '../parts/form-problem';
import { Loading } from '../parts/states';
import { useSay } from '../parts/toast';
import { useAsk } from '../session/action';
import { explain } from '../session/problem';
import { FILE_ENDINGS, useUpload } from '../upload/use-upload';
import { blankMapping, readMapping, written } from './mapping';
import { MappingEditor } from './mapping-editor';
import { PreviewCards, type Preview } from './preview-cards';

/** Where it stands until it begins: a file is sent, what would become of it is looked at, then it is taken in. */
type Step = { at: 'choosing' } | { at: 'sending'; share: number } | { at: 'looking'; uploadId: string } | { at: 'shown'; uploadId: string };

/** A new import: a file, how its rows are read, and what that makes of the first of them. */
export function BeginPage(): ReactNode {
  const [file, setFile] = useState<File>();
  const [step, setStep] = useState<Step>({ at: 'choosing' });
  const [mapping, setMapping] = useState('');
  const [columns, setColumns] = useState<readonly string[]>([]);
  const [preview, setPreview] = useState<Preview>();
  const [problem, setProblem] = useState<string>();
  const send = useUpload();
  const client = useClient();

  /** Without a mapping, one is guessed; a wrong one leaves in sight what was shown before. */
  const look = async (uploadId: string, given?: unknown): Promise<void> => {
    setStep({ at: 'looking', uploadId });
    const { data, error } = await client.query(PreviewImportDocument, { input: { uploadId, mapping: given } }, { requestPolicy: 'network-only' });
    setStep({ at: 'shown', uploadId });
    if (error) return setProblem(explain(error).remedy);
    const result = data?.previewImport;
    if (result?.__typename === 'MappingInvalid' && given === undefined) {
      setColumns(result.columns);
      setMapping(written(blankMapping(result.columns)));
    }
    if (result?.__typename !== 'ImportPreview') return setProblem(result?.message);
    setProblem(undefined);
    setPreview(result);
    setColumns(result.columns);
    setMapping(written(result.mapping));
  };
  const begin = async (chosen: File): Promise<void> => {
    setProblem(undefined);
    setPreview(undefined);
    setMapping('');
    setStep({ at: 'sending', share: 0 });
    const sent = await send(chosen, (share) => setStep({ at: 'sending', share }));
    if ('uploadId' in sent) return look(sent.uploadId);
    setStep({ at: 'choosing' });
    setProblem(sent.problem);
  };

  return (
    <>
      <PageHead title="Import a file" above={<Link to="/imports">Imports</Link>} below={<p className="quiet">Rows become events by a mapping. It is guessed, and nothing is stored before you have seen what becomes of the first rows.</p>} />
      <FileCard file={file} step={step} problem={preview ? undefined : problem} onFile={setFile} onSend={(chosen) => void begin(chosen)} />
      {step.at === 'looking' && !preview && (
        <section className="card">
          <Loading what="the first rows" />
        </section>
      )}
      {(step.at === 'shown' || step.at === 'looking') && (preview ?? step.at === 'shown') && (
        <div className="columns wide-right">
          <MappingCard
            key={step.uploadId}
            uploadId={step.uploadId}
            mapping={mapping}
            columns={columns}
            shown={preview && written(preview.mapping)}
            isBusy={step.at === 'looking'}
            problem={preview ? problem : undefined}
            onMapping={setMapping}
            onLook={(given) => void look(step.uploadId, given)}
            onProblem={setProblem}
          />
          {preview && <PreviewCards preview={preview} />}
        </div>
      )}
    </>
  );
}

interface FileCardProps {
  file: File | undefined;
  step: Step;
  problem: string | undefined;
  onFile: (file: File | undefined) => void;
  onSend: (file: File) => void;
}

function FileCard({ file, step, problem, onFile, onSend }: FileCardProps): ReactNode {
  return (
    <Card title="The file" note="CSV, Parquet or NDJSON, packed by gzip or not">
      <form
        className="stack tight"
        onSubmit={(event) => {
          event.preventDefault();
          if (file) onSend(file);
        }}
      >
        <label className="field">
          One row for each thing that a customer did
          <input type="file" accept={FILE_ENDINGS} onChange={({ target }) => onFile(target.files?.[0])} />
        </label>
        {step.at === 'sending' && <Bar label="Sending the file" value={step.share} words="Sending the file" />}
        <FormProblem>{problem}</FormProblem>
        <div className="row end tight">
          <button type="submit" className="button primary" disabled={!file || step.at === 'sending' || step.at === 'looking'}>
            Send and look at it
          </button>
        </div>
      </form>
    </Card>
  );
}

interface MappingCardProps {
  uploadId: string;
  /** As JSON, which may be about to be typed. */
  mapping: string;
  columns: readonly string[];
  /** The mapping of which the preview tells; nothing where the first look failed. */
  shown: string | undefined;
  isBusy: boolean;
  problem: string | undefined;
  onMapping: (mapping: string) => void;
  onLook: (mapping: unknown) => void;
  onProblem: (problem: string) => void;
}

function MappingCard({ uploadId, mapping, columns, shown, isBusy, problem, onMapping, onLook, onProblem }: MappingCardProps): ReactNode {
  const { isBusy: isStarting, ask } = useAsk(StartImportDocument, 'Import');
  const navigate = useNavigate();
  const say = useSay();
  const isShown = mapping === shown;
  const look = (): void => {
    const given = readMapping(mapping);
    if (given) onLook(given);
    else onProblem('The mapping is no JSON object yet.');
  };
  const take = async (): Promise<void> => {
    const answer = await ask({ input: { uploadId, mapping: JSON.parse(mapping) as unknown } });
    if ('problem' in answer) return onProblem(answer.problem);
    say('The import has begun.');
    void navigate(`/imports/${encodeURIComponent(answer.done.id)}`);
  };
  return (
    <Card title="How rows become events" note={shown === undefined ? 'None could be guessed' : undefined}>
      <form
        className="stack tight"
        onSubmit={(event) => {
          event.preventDefault();
          if (isShown) void take();
          else look();
        }}
      >
        <MappingEditor mapping={mapping} columns={columns} rows={22} onChange={onMapping} />
        <FormProblem>{problem}</FormProblem>
        <div className="row end tight">
          {!isShown && <span className="small quiet">What is shown is of the mapping before.</span>}
          <button type="button" className="button" disabled={isBusy || isShown} onClick={look}>
            Look again
          </button>
          <button type="submit" className="button primary" disabled={isBusy || isStarting || !isShown}>
            Import
          </button>
        </div>
      </form>
    </Card>
  );
}
