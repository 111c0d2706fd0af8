import type { ReactNode } from 'react';

interface ChoiceProps<Value extends string> {
  label: string;
  options: readonly { value: Value; words: string; title?: string }[];
  value: Value;
  onChange: (value: Value) => void;
}

/** One of a few, all in sight. */
export function Choice<Value extends string>({ label, options, value, onChange }: ChoiceProps<Value>): ReactNode {
  return (
    <div className="choice" role="group" aria-label={label}>
      {options.map((option) => (
        <button key={option.value} type="button" title={option.title} aria-pressed={option.value === value} onClick={() => onChange(option.value)}>
          {option.words}
        </button>
      ))}
    </div>
  );
}
