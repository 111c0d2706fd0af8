import { useState } from 'react';
import { useMutation, type AnyVariables, type TypedDocumentNode } from 'urql';
import { useSay } from '../parts/toast';
import { explain } from './problem';

/** What the one field of a mutation answers: what was done, or a failure with its reason. */
interface Outcome {
  readonly __typename: string;
  readonly message?: string;
}
type Outcomes = Readonly<Record<string, Outcome>>;
type NameOf<Data extends Outcomes> = Data[keyof Data]['__typename'];
type Named<Data extends Outcomes, Name> = Extract<Data[keyof Data], { readonly __typename: Name }>;
type Unnamed<Data extends Outcomes, Name> = Exclude<Data[keyof Data], { readonly __typename: Name }>;

/** What was done, or why not, for the person in front of the page. */
type Answer<Done> = { readonly done: Done } | { readonly problem: string };

interface Asking<Variables, Done> {
  readonly isBusy: boolean;
  readonly ask: (variables: Variables) => Promise<Answer<Done>>;
}

interface Doing<Variables, Done> {
  readonly isBusy: boolean;
  /** Answers what was done; undefined where it was not. */
  readonly run: (variables: Variables) => Promise<Done | undefined>;
}

interface FormAction<Variables, Done> extends Doing<Variables, Done> {
  /** Why it was not done when it was last tried. */
  readonly problem: string | undefined;
  /** For what the form itself finds wrong. */
  readonly setProblem: (problem: string | undefined) => void;
}

/** A mutation that has done what it is for where it answers the type `name`. `inWords`: what to say of a failure, beside its own message. */
export function useAsk<Data extends Outcomes, Variables extends AnyVariables, Name extends NameOf<Data>>(
  mutation: TypedDocumentNode<Data, Variables>,
  name: Name,
  inWords: (failure: Unnamed<Data, Name>) => string | undefined = ({ message }) => message,
): Asking<Variables, Named<Data, Name>> {
  const [{ fetching }, execute] = useMutation(mutation);
  return {
    isBusy: fetching,
    ask: async (variables) => {
      const { data, error } = await execute(variables);
      if (error) return { problem: explain(error).remedy };
      const [outcome] = Object.values(data ?? {}) as Data[keyof Data][];
      if (outcome?.__typename === name) return { done: outcome as Named<Data, Name> };
      return { problem: (outcome && inWords(outcome as Unnamed<Data, Name>)) ?? 'It was not done. Try again.' };
    },
  };
}

/** The mutation of a form or a dialog, which says why it was not done and stays. */
export function useFormAction<Data extends Outcomes, Variables extends AnyVariables, Name extends NameOf<Data>>(
  ...what: Parameters<typeof useAsk<Data, Variables, Name>>
): FormAction<Variables, Named<Data, Name>> {
  const [problem, setProblem] = useState<string>();
  const { isBusy, ask } = useAsk(...what);
  const run = async (variables: Variables): Promise<Named<Data, Name> | undefined> => {
    const answer = await ask(variables);
    setProblem('problem' in answer ? answer.problem : undefined);
    return 'done' in answer ? answer.done : undefined;
  };
  return { isBusy, problem, setProblem, run };
}

/** The mutation of a single button: why it was not done is said in the corner. */
export function useButtonAction<Data extends Outcomes, Variables extends AnyVariables, Name extends NameOf<Data>>(
  ...what: Parameters<typeof useAsk<Data, Variables, Name>>
): Doing<Variables, Named<Data, Name>> {
  const say = useSay();
  const { isBusy, ask } = useAsk(...what);
  const run = async (variables: Variables): Promise<Named<Data, Name> | undefined> => {
    const answer = await ask(variables);
    if ('problem' in answer) say(answer.problem, 'bad');
    return 'done' in answer ? answer.done : undefined;
  };
  return { isBusy, run };
}
