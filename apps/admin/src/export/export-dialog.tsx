import { useState, type ReactNode } from 'react';
import { ExportSegmentDocument, type ExportFormat } from '../gen/graphql';
import { Dialog } from '../parts/dialog';
import { useFormAction } from '../session/action';
import { contentOf, USUAL } from './content';
import { ContentFields } from './content-fields';
import { FormatField } from './format-field';

interface ExportDialogProps {
  segment: { id: string; name: string };
  onClose: () => void;
  onChanged: () => void;
}

/** Asks as what a segment is to be exported now, and what the file is to tell. */
export function ExportDialog({ segment, onClose, onChanged }: ExportDialogProps): ReactNode {
  const [format, setFormat] = useState<ExportFormat>('CSV');
  const [content, setContent] = useState(USUAL);
  const { isBusy, problem, run } = useFormAction(ExportSegmentDocument, 'Export');

  const confirm = async (): Promise<void> => {
    if (!(await run({ segmentId: segment.id, format, ...contentOf(content) }))) return;
    onChanged();
    onClose();
  };

  return (
    <Dialog title={`Export “${segment.name}”`} confirm="Export" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <FormatField format={format} onFormat={setFormat} />
      <ContentFields draft={content} onChange={setContent} />
    </Dialog>
  );
}
