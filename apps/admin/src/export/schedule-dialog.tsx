import { useState, type ReactNode } from 'react';
import { CreateExportScheduleDocument, UpdateExportScheduleDocument, type ExportFormat, type ExportScheduleRowFragment } from '../gen/graphql';
import { Dialog } from '../parts/dialog';
import { useFormAction } from '../session/action';
import { contentOf, draftOf, USUAL, type ContentDraft } from './content';
import { ContentFields } from './content-fields';
import { FormatField } from './format-field';

const OWN_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

interface ScheduleDialogProps {
  onClose: () => void;
  onChanged: () => void;
}

interface Timing {
  readonly cron: string;
  readonly timeZone: string;
}

/** Asks when a segment is to be exported by itself. */
export function ScheduleDialog({ segment, onClose, onChanged }: ScheduleDialogProps & { segment: { id: string; name: string } }): ReactNode {
  const [format, setFormat] = useState<ExportFormat>('CSV');
  const [timing, setTiming] = useState<Timing>({ cron: '0 6 * * 1', timeZone: OWN_ZONE });
  const [content, setContent] = useState(USUAL);
  const { isBusy, problem, run } = useFormAction(CreateExportScheduleDocument, 'ExportSchedule');

  const confirm = async (): Promise<void> => {
    if (!(await run({ input: { segmentId: segment.id, format, ...timing, ...contentOf(content) } }))) return;
    onChanged();
    onClose();
  };

  return (
    <Dialog title={`Export “${segment.name}” by the clock`} confirm="Schedule" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <FormatField format={format} onFormat={setFormat} />
      <ScheduleFields timing={timing} onTiming={setTiming} content={content} onContent={setContent} />
    </Dialog>
  );
}

/** Gives a schedule other times, or other columns. */
export function ChangeScheduleDialog({ schedule, onClose, onChanged }: ScheduleDialogProps & { schedule: ExportScheduleRowFragment }): ReactNode {
  const [timing, setTiming] = useState<Timing>({ cron: schedule.cron, timeZone: schedule.timeZone });
  const [content, setContent] = useState(() => draftOf(schedule));
  const { isBusy, problem, run } = useFormAction(UpdateExportScheduleDocument, 'ExportSchedule');

  const confirm = async (): Promise<void> => {
    if (!(await run({ id: schedule.id, input: { ...timing, ...contentOf(content) } }))) return;
    onChanged();
    onClose();
  };

  return (
    <Dialog title="Change the schedule" confirm="Change" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <ScheduleFields timing={timing} onTiming={setTiming} content={content} onContent={setContent} />
      <p className="small">Files that are begun from now on are so; those that are there stay as they are.</p>
    </Dialog>
  );
}

interface ScheduleFieldsProps {
  timing: Timing;
  onTiming: (timing: Timing) => void;
  content: ContentDraft;
  onContent: (content: ContentDraft) => void;
}

function ScheduleFields({ timing, onTiming, content, onContent }: ScheduleFieldsProps): ReactNode {
  return (
    <>
      <label className="field">
        When (minute, hour, day of the month, month, day of the week)
        <input className="mono" value={timing.cron} onChange={({ target }) => onTiming({ ...timing, cron: target.value })} autoComplete="off" />
      </label>
      <label className="field">
        Time zone
        <input value={timing.timeZone} onChange={({ target }) => onTiming({ ...timing, timeZone: target.value })} autoComplete="off" />
      </label>
      <ContentFields draft={content} onChange={onContent} />
    </>
  );
}
