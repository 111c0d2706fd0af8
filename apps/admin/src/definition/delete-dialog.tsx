import { useState, type ReactNode } from 'react';
import { useNavigate } from 'react-router';
import { useMutation } from 'urql';
import { DeleteSegmentDocument } from '../gen/graphql';
import { Dialog } from '../parts/dialog';
import { useSay } from '../parts/toast';
import { explain } from '../session/problem';

/** Asks before a segment that people defined ends. */
export function DeleteDialog({ segment, onClose }: { segment: { id: string; name: string }; onClose: () => void }): ReactNode {
  const say = useSay();
  const navigate = useNavigate();
  const [problem, setProblem] = useState<string>();
  const [{ fetching }, remove] = useMutation(DeleteSegmentDocument);

  const confirm = async (): Promise<void> => {
    const { data, error } = await remove({ id: segment.id });
    if (error) return setProblem(explain(error).remedy);
    const result = data?.deleteSegment;
    if (result?.__typename !== 'SegmentDeleted') return setProblem(result?.message);
    say(`“${segment.name}” is no more.`);
    void navigate('/segments');
  };

  return (
    <Dialog title={`Delete “${segment.name}”?`} confirm="Delete" busy={fetching} problem={problem} onConfirm={() => void confirm()} onClose={onClose}>
      <p>All of its members leave it, and whoever follows it is told. Its history stays.</p>
    </Dialog>
  );
}
