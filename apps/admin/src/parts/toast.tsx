import { createContext, use, useCallback, useRef, useState, type ReactNode } from 'react';

type Tone = 'good' | 'bad';

interface Toast {
  id: number;
  tone: Tone;
  text: ReactNode;
}

type Say = (text: ReactNode, tone?: Tone) => void;

const ToastContext = createContext<Say>(() => undefined);
const SHOWN_MS = 8000;

/** Says a short thing in the corner: what was done, or why not. */
export function useSay(): Say {
  return use(ToastContext);
}

export function Toasts({ children }: { children: ReactNode }): ReactNode {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const last = useRef(0);
  const drop = useCallback((id: number) => setToasts((shown) => shown.filter((toast) => toast.id !== id)), []);
  const say = useCallback<Say>(
    (text, tone = 'good') => {
      const id = (last.current += 1);
      setToasts((shown) => [...shown.slice(-2), { id, tone, text }]);
      setTimeout(() => drop(id), SHOWN_MS);
    },
    [drop],
  );
  return (
    <ToastContext value={say}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {toasts.map(({ id, tone, text }) => (
          <div key={id} className={`toast ${tone}`}>
            <span>{text}</span>
            <button type="button" className="button bare" onClick={() => drop(id)} aria-label="Dismiss">
              ×
            </button>
          </div>
        ))}
      </div>
    </ToastContext>
  );
}
