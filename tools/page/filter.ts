import { type CallSummary, keyOf } from './api.ts';

export type Result = 'all' | 'failed' | 'incomplete' | 'quarantine';

/** What the user has chosen; empty text asks nothing. */
export interface Filter {
  /** Part of a number or an id; or what was said, when that was searched. */
  readonly words: string;
  readonly result: Result;
  readonly agent: string;
  /** Dates of the browser's zone, `2026-11-26`, both inclusive. */
  readonly from: string;
  readonly to: string;
}

export const NO_FILTER: Filter = { words: '', result: 'all', agent: '', from: '', to: '' };

/** The calls that fit. @param said the calls in which the words were found. */
export function choose(
  calls: readonly CallSummary[],
  filter: Filter,
  said: ReadonlySet<string> = new Set(),
): readonly CallSummary[] {
  const { since, until } = timesOf(filter);
  const words = filter.words.trim().toLowerCase();
  return calls.filter((call) => {
    if (filter.agent !== '' && call.agent_id !== filter.agent) return false;
    if (!hasResult(call, filter.result)) return false;
    const time = timeOf(call).getTime();
    if (time < since || time >= until) return false;
    return words === '' || isNamed(call, words) || said.has(keyOf(call));
  });
}

/** The bounds of a filter in milliseconds since 1970. */
export function timesOf({ from, to }: Pick<Filter, 'from' | 'to'>): { since: number; until: number } {
  const midnight = (date: string, days: number) => {
    const [year = 0, month = 1, day = 1] = date.split('-').map(Number);
    return new Date(year, month - 1, day + days).getTime();
  };
  return {
    since: from === '' ? Number.NEGATIVE_INFINITY : midnight(from, 0),
    until: to === '' ? Number.POSITIVE_INFINITY : midnight(to, 1),
  };
}

/** By which calls are sorted: when it began, else when it was stored. */
export function timeOf({ started_at, stored_at }: CallSummary): Date {
  return new Date(started_at ?? stored_at);
}

export function isFailed({ has, successful }: CallSummary): boolean {
  return has.failure || successful === 'failure';
}

function hasResult(call: CallSummary, result: Result): boolean {
  switch (result) {
    case 'all':
      return true;
    case 'failed':
      return isFailed(call);
    case 'incomplete':
      return call.missing.length > 0;
    case 'quarantine':
      return call.has.quarantine;
  }
}

function isNamed({ conversation_id, agent_id, external_number }: CallSummary, words: string): boolean {
  if (conversation_id.toLowerCase().includes(words) || agent_id.toLowerCase().includes(words)) return true;
  const digits = words.replace(/[\s()./-]/g, '').replace(/^00/, '+');
  return /^\+?\d{2,}$/.test(digits) && (external_number?.includes(digits) ?? false);
}
