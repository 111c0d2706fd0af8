import { useEffect, useId, useRef, type ReactNode } from 'react';
import { FormProblem } from './form-problem';

interface DialogProps {
  title: string;
  confirm: string;
  busy?: boolean;
  /** It is done already and only told of: there is nothing to cancel. */
  done?: boolean;
  /** Why it did not work; shown above the buttons. */
  problem?: ReactNode;
  onConfirm: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** Asks before something is done. Escape and the backdrop's button close it; focus is kept inside by the browser. */
export function Dialog({ title, confirm, busy = false, done = false, problem, onConfirm, onClose, children }: DialogProps): ReactNode {
  const box = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    box.current?.showModal();
  }, []);
  return (
    <dialog ref={box} aria-labelledby={heading} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onConfirm();
        }}
      >
        <h2 id={heading}>{title}</h2>
        {children}
        <FormProblem>{problem}</FormProblem>
        <div className="row end tight">
          {!done && (
            <button type="button" className="button" onClick={() => box.current?.close()}>
              Cancel
            </button>
          )}
          <button type="submit" className="button primary" disabled={busy}>
            {confirm}
          </button>
        </div>
      </form>
    </dialog>
  );
}
