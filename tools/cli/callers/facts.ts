import { isDeepStrictEqual } from 'node:util';
import type { Change, Entry } from '../../../src/lib/callers/directory.ts';
import { type CallerFacts, type CallerRecord, callerFacts, isPast } from '../../../src/lib/callers/record.ts';

/** What may be known of a caller, as texts: the columns of a file, or options. Empty ones say nothing. */
export const TEXTS = ['name', 'language', 'voice_id', 'first_message', 'variables', 'agents'] as const;
export type Texts = Partial<Readonly<Record<(typeof TEXTS)[number], string>>>;

/** `variables` are JSON, `agents` are separated by spaces. */
export function readFacts(texts: Texts): { readonly facts: CallerFacts } | { readonly problems: readonly string[] } {
  const problems: string[] = [];
  const given = Object.entries(texts).filter(([, text]) => text.trim() !== '');
  const values = given.map(([name, text]): [string, unknown] => {
    if (name === 'agents') return [name, text.trim().split(/\s+/)];
    if (name !== 'variables') return [name, text.trim()];
    try {
      return [name, JSON.parse(text)];
    } catch {
      problems.push('variables: is not valid JSON');
      return [name, {}];
    }
  });
  const parsed = callerFacts.safeParse(Object.fromEntries(values));
  for (const issue of parsed.error?.issues ?? []) {
    const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
    problems.push(`${issue.path.join('.')}: ${message}`);
  }
  return parsed.success && problems.length === 0 ? { facts: parsed.data } : { problems };
}

export interface Writing {
  readonly number: string;
  readonly facts: CallerFacts;
  readonly source: 'operator' | 'import';
  /** Nothing of what was there before stays. */
  readonly replaces: boolean;
  /** Names of facts that go. */
  readonly without?: readonly string[];
  readonly now: number;
}

/**
 * What an entry becomes. From then on it belongs to whoever wrote it here: it does not expire by itself any more, and pre-call
 * only fills what is empty in it.
 */
export function written(before: Entry | undefined, writing: Writing): Change {
  const { number, facts, source, replaces, without = [], now } = writing;
  const standing = before === undefined || 'unusable' in before || isPast(before, now) ? undefined : before;
  const isOurs = standing !== undefined && standing.number === number;
  const { source: _source, expires_at: _until, updated_at: _at, ...known } = isOurs ? standing : { number };
  const kept = replaces
    ? { number }
    : Object.fromEntries(Object.entries(known).filter(([name]) => !without.includes(name)));
  const next = { ...kept, ...facts, number };
  if (isOurs && isDeepStrictEqual(next, known)) {
    const saysNothing = Object.keys(facts).length === 0 && !replaces;
    if (saysNothing || standing.source !== 'pre-call') return 'leave';
  }
  return { ...next, source, updated_at: new Date(now).toISOString() } satisfies CallerRecord;
}
