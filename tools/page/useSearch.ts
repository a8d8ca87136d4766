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

/** One search. Pressing Enter again makes another one of the same words. */
interface Asked {
  /** The words and the choice of calls. */
  readonly query: string;
}

/** The search for what was said. Other words, or another choice of calls, end it. */
export function useSearch(filter: Filter): Search {
  const query = queryOf(filter).toString();
  const [asked, setAsked] = useState<Asked>();
  const [known, setKnown] = useState<State & { readonly of: Asked }>();
  // An effect comes after Enter may have been pressed: it must not end the search of these words.
  useEffect(() => setAsked((last) => (last?.query === query ? last : undefined)), [query]);
  useEffect(() => {
    if (asked === undefined) return;
    const abort = new AbortController();
    const tell = (state: Partial<State>) => setKnown({ ...NONE, ...state, of: asked });
    tell({ seen: 0 });
    searchWords(asked.query, abort.signal, (seen) => tell({ seen })).then(
      (found) => tell({ found }),
      (error: unknown) => {
        if (!abort.signal.aborted) tell({ problem: messageOf(error) });
      },
    );
    return () => abort.abort();
  }, [asked]);
  const isCurrent = known !== undefined && known.of === asked && known.of.query === query;
  const { found, seen, problem } = isCurrent ? known : NONE;
  return { found, seen, problem, start: () => filter.words.trim() !== '' && setAsked({ query }) };
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
