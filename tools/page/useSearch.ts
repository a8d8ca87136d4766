import { useEffect, useState } from 'preact/hooks';
import { messageOf, searchWords } from './ask.ts';
import { type Filter, timesOf } from './filter.ts';

export interface Search {
  /** Calls in which the words were said; undefined when that was not asked. */
  readonly found: ReadonlySet<string> | undefined;
  /** How many calls were looked at, while it runs. */
  readonly seen: number | undefined;
  readonly problem: string | undefined;
  /** Looks for the words in what was said. */
  start(): void;
}

type State = Omit<Search, 'start'>;

const NONE: State = { found: undefined, seen: undefined, problem: undefined };

/** The search for what was said. Other words, or another choice of calls, end it. */
export function useSearch(filter: Filter): Search {
  const { words, agent, from, to } = filter;
  const [state, setState] = useState(NONE);
  /** Of what was asked last. */
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    setState(NONE);
    setAsked(0);
  }, [words, agent, from, to]);
  useEffect(() => {
    if (asked === 0) return;
    const abort = new AbortController();
    setState({ ...NONE, seen: 0 });
    searchWords(queryOf(filter), abort.signal, (seen) => setState({ ...NONE, seen })).then(
      (found) => setState({ ...NONE, found }),
      (error: unknown) => {
        if (!abort.signal.aborted) setState({ ...NONE, problem: messageOf(error) });
      },
    );
    return () => abort.abort();
  }, [asked]);
  return { ...state, start: () => words.trim() !== '' && setAsked(asked + 1) };
}

function queryOf({ words, agent, from, to }: Filter): URLSearchParams {
  const { since, until } = timesOf({ from, to });
  const iso = (time: number) => new Date(time).toISOString();
  return new URLSearchParams({
    text: words.trim(),
    ...(agent === '' ? {} : { agent }),
    ...(Number.isFinite(since) ? { since: iso(since) } : {}),
    ...(Number.isFinite(until) ? { until: iso(until) } : {}),
  });
}
