import type { ReactNode } from 'react';
import { useNavigate } from 'react-router';
import { DeleteSegmentDocument } from '../gen/graphql';
import { Dialog } from '../parts/dialog';
import { useSay } from '../parts/toast';
import { useFormAction } from '../session/action';

/** Asks before a segment that people defined ends. */
export function DeleteDialog({ segment, onClose }: { segment: { id: string; name: string }; onClose: () => void }): ReactNode {
  const say = useSay();
  const navigate = useNavigate();
  const { isBusy, problem, run } = useFormAction(DeleteSegmentDocument, 'SegmentDeleted');

  const confirm = async (): Promise<void> => {
    if (!(await run({ id: segment.id }))) return;
    say(`“${segment.name}” is no more.`);
    void navigate('/segments');
  };

  return (
    <Dialog title={`Delete “${segment.name}”?`} confirm="Delete" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <p>All of its members leave it, and whoever follows it is told. Its history stays.</p>
    </Dialog>
  );
}
