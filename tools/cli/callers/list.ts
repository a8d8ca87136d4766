import type { CallerDirectory } from '../../../src/lib/callers/directory.ts';
import { note, paint, printJson, progress } from '../../command/output.ts';
import type { StorageAccess } from '../storageAccess.ts';
import { type Found, readEntries } from './directory.ts';
import type { CallersValues } from './options.ts';

const USUAL_LIMIT = 1_000;

/** Who is in the directory: a table in the order of the numbers, or one object a line. */
export async function listCallers(
  { name }: StorageAccess,
  directory: CallerDirectory,
  { limit = USUAL_LIMIT, json }: CallersValues,
): Promise<number> {
  const found: Found[] = [];
  let hasMore = false;
  for await (const one of readEntries(directory)) {
    hasMore = found.length === limit;
    if (hasMore) break;
    found.push(one);
    if (found.length % 100 === 0) progress(`${found.length} read`);
  }
  progress('');
  found.sort((a, b) => (numberOf(a) < numberOf(b) ? -1 : 1));
  if (json) for (const { hash, entry } of found) printJson({ hash, ...entry });
  else if (found.length > 0) console.log(table(found));
  if (found.length === 0) note(`Nobody is in the directory (${name}).`);
  if (hasMore) note(`There are more than ${limit}: --limit N shows more, export has them all.`);
  return 0;
}

function numberOf({ hash, entry }: Found): string {
  return 'unusable' in entry ? `~${hash}` : entry.number;
}

function table(found: readonly Found[]): string {
  const rows = found.map(({ hash, entry }) =>
    'unusable' in entry
      ? [`${hash.slice(0, 12)}…`, `(${entry.unusable})`, '', '', '', '']
      : [
          entry.number,
          entry.name ?? '-',
          entry.language ?? '-',
          entry.voice_id ?? '-',
          entry.source,
          entry.expires_at?.slice(0, 10) ?? '-',
        ],
  );
  const head = ['NUMBER', 'NAME', 'LANGUAGE', 'VOICE', 'SOURCE', 'EXPIRES'];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [paint('dim', line(head)), ...rows.map(line)].join('\n');
}
