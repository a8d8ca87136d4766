import { type CallerDirectory, RecordTooLarge } from '../../../src/lib/callers/directory.ts';
import type { CallerRecord } from '../../../src/lib/callers/record.ts';
import { Failure, UsageError } from '../../command/errors.ts';
import { note, paint, printJson } from '../../command/output.ts';
import type { StorageAccess } from '../storageAccess.ts';
import { readNumber } from './directory.ts';
import { readFacts, type Texts, written } from './facts.ts';
import type { CallersValues } from './options.ts';

interface Asked {
  readonly values: CallersValues;
  readonly given: string;
}

/** Everything that is known of a number. */
export async function showCaller(
  { name }: StorageAccess,
  directory: CallerDirectory,
  { values, given }: Asked,
): Promise<number> {
  const number = readNumber(directory, given);
  const hash = await directory.hashOf(number);
  const entry = await directory.get(hash);
  if (entry === undefined) throw new Failure(`${number} is not in the directory (${name}).`);
  if ('unusable' in entry)
    throw new Failure(`The entry ${hash} cannot be used: ${entry.unusable}. put writes it anew.`);
  if (values.json) printJson({ hash, ...entry });
  else show({ hash, ...entry });
  if (entry.number !== number) note('The entry holds another number: for a call it counts for nothing.');
  return 0;
}

/** Writes what the options say. */
export async function putCaller(
  { name }: StorageAccess,
  directory: CallerDirectory,
  { values, given }: Asked,
): Promise<number> {
  const number = readNumber(directory, given);
  const texts: Texts = Object.fromEntries(
    Object.entries({
      name: values.name,
      language: values.language,
      voice_id: values.voice,
      first_message: values['first-message'],
      variables: values.variables,
      agents: values.agent?.join(' '),
    }).filter(([, text]) => text !== undefined),
  );
  const read = readFacts(texts);
  if ('problems' in read) throw new UsageError(read.problems.join('\n'));
  const without = Object.entries(texts).flatMap(([fact, text]) => (text.trim() === '' ? [fact] : []));
  const writing = { number, facts: read.facts, without, source: 'operator', replaces: values.overwrite } as const;
  const { before, change } = await directory
    .change(await directory.hashOf(number), (entry) => written(entry, { ...writing, now: Date.now() }))
    .catch((error: unknown) => {
      throw error instanceof RecordTooLarge ? new Failure(`Nothing was written: ${error.message}.`) : error;
    });
  const outcome = change === 'leave' ? 'unchanged' : before === undefined ? 'new' : 'changed';
  if (values.json) printJson({ number, outcome });
  else note(`${number}: ${outcome} (${name})`);
  return 0;
}

/** Takes a number out of the directory. */
export async function removeCaller(
  { name, isAzure }: StorageAccess,
  directory: CallerDirectory,
  { values, given }: Asked,
): Promise<number> {
  const number = readNumber(directory, given);
  const { before } = await directory.change(await directory.hashOf(number), () => 'remove');
  if (before === undefined) throw new Failure(`${number} is not in the directory (${name}).`);
  if (values.json) printJson({ number, outcome: 'removed' });
  else note(`${number}: removed (${name})`);
  if (isAzure) note('Where the account keeps versions, calls erase --caller takes those as well.');
  return 0;
}

function show(record: CallerRecord & { readonly hash: string }): void {
  const width = Math.max(...Object.keys(record).map((name) => name.length)) + 2;
  for (const [name, value] of Object.entries(record)) {
    const text = Array.isArray(value) ? value.join(' ') : typeof value === 'object' ? JSON.stringify(value) : value;
    console.log(`${paint('dim', name.padEnd(width))}${text}`);
  }
}
