import { readFileSync } from 'node:fs';
import { type CallerDirectory, type Change, type Entry, RecordTooLarge } from '../../../src/lib/callers/directory.ts';
import { inParallel } from '../../../src/lib/storage/inParallel.ts';
import { Failure } from '../../command/errors.ts';
import { fromUser } from '../../command/option.ts';
import { counted, note, printJson, progress } from '../../command/output.ts';
import type { StorageAccess } from '../storageAccess.ts';
import { type LineProblem, type Row, readCallersFile } from './csv.ts';
import { written } from './facts.ts';
import type { CallersValues } from './options.ts';

const WRITERS = 32;
const MOST_SHOWN = 50;
/** A run of a hundred thousand waits for storage that is busy, rather than to end in the middle. */
const PATIENT = { totalMs: 180_000, tryMs: 60_000 };

interface Asked {
  readonly values: CallersValues;
  readonly file: string;
}

/** Writes the callers of a CSV file; nothing at all when one of its lines is wrong. */
export async function importCallers(
  access: StorageAccess,
  directory: CallerDirectory,
  { values, file }: Asked,
): Promise<number> {
  const { rows, problems } = readCallersFile(read(file), directory);
  if (problems.length > 0) return refuse(file, problems, values);
  const asText = rows.filter(({ number }) => /^[\d\s().-]+$/.test(number)).length;
  if (asText > 0)
    note(`Without a country, and so taken as text: ${counted(asText, 'number')}. CALLERS_DEFAULT_COUNTRY sets one.`);
  const outcomes = { new: 0, changed: 0, unchanged: 0 };
  const tooLarge: LineProblem[] = [];
  let done = 0;
  try {
    for await (const outcome of writeAll(directory, rows, values.overwrite)) {
      if (typeof outcome === 'string') outcomes[outcome]++;
      else tooLarge.push(outcome);
      if (++done % 100 === 0) progress(`${done} of ${rows.length} written`);
    }
  } catch (error) {
    note(`${done} of ${rows.length} were written when it failed. The same import again goes on from there.`);
    throw error;
  } finally {
    progress('');
  }
  const summary = { lines: rows.length, ...outcomes, failed: tooLarge.length };
  for (const { line, problem } of tooLarge) note(`line ${line}: ${problem}, with what is there already`);
  if (values.json) printJson({ summary });
  else {
    const { new: added, changed, unchanged } = outcomes;
    console.log(
      `${counted(rows.length, 'caller')}: ${added} new, ${changed} changed, ${unchanged} unchanged (${access.name}).`,
    );
  }
  return tooLarge.length === 0 ? 0 : 1;
}

function read(file: string): Buffer {
  try {
    return readFileSync(fromUser(file));
  } catch (cause) {
    throw new Failure(`${file} cannot be read`, { cause });
  }
}

function refuse(file: string, problems: readonly LineProblem[], { json }: CallersValues): number {
  for (const { line, problem } of problems.slice(0, MOST_SHOWN)) {
    if (json) printJson({ line, problem });
    else console.log(`${file}:${line}: ${problem}`);
  }
  const more = problems.length - MOST_SHOWN;
  if (more > 0) note(`and ${more} more`);
  note('Nothing was changed.');
  return 1;
}

type Outcome = 'new' | 'changed' | 'unchanged' | LineProblem;

async function* writeAll(
  directory: CallerDirectory,
  rows: readonly Row[],
  replaces: boolean,
): AsyncGenerator<Outcome, void, undefined> {
  const standing = new Set<string>();
  for await (const { hash } of directory.glances()) standing.add(hash);
  const patient = directory.until(new AbortController().signal, PATIENT);
  yield* inParallel(rows, WRITERS, async ({ line, number, facts }): Promise<Outcome> => {
    const hash = await directory.hashOf(number);
    const decide = (entry: Entry | undefined): Change =>
      written(entry, { number, facts, source: 'import', replaces, now: Date.now() });
    try {
      const { before, change } = await patient.change(hash, decide, { isNew: !standing.has(hash) });
      return change === 'leave' ? 'unchanged' : before === undefined ? 'new' : 'changed';
    } catch (error) {
      if (error instanceof RecordTooLarge) return { line, problem: error.message };
      throw error;
    }
  });
}
