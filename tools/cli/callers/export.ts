import { writeFileSync } from 'node:fs';
import type { CallerDirectory } from '../../../src/lib/callers/directory.ts';
import type { CallerRecord } from '../../../src/lib/callers/record.ts';
import { counted, note, progress } from '../../command/output.ts';
import type { StorageAccess } from '../storageAccess.ts';
import { readEntries } from './directory.ts';
import { TEXTS } from './facts.ts';
import type { CallersValues } from './options.ts';

/** All entries in the columns of an import, or as JSON with everything that is stored of them. Also without the key. */
export async function exportCallers(
  { name }: StorageAccess,
  directory: CallerDirectory,
  { out, json }: CallersValues,
): Promise<number> {
  const records = new Map<string, CallerRecord>();
  let unusable = 0;
  for await (const { entry } of readEntries(directory)) {
    if ('unusable' in entry) unusable++;
    else if (isNewer(entry, records.get(entry.number))) records.set(entry.number, entry);
    if (records.size % 100 === 0) progress(`${records.size} read`);
  }
  progress('');
  const all = [...records.values()].sort((a, b) => (a.number < b.number ? -1 : 1));
  const lines = json
    ? all.map((record) => JSON.stringify(record))
    : [['number', ...TEXTS].join(','), ...all.map(csvLine)];
  const text = lines.map((line) => `${line}\n`).join('');
  if (out === undefined) process.stdout.write(text);
  else writeFileSync(out, text, { mode: 0o600 });
  note(`${counted(all.length, 'caller')} exported (${name}).`);
  if (unusable > 0)
    note(`Not among them, because unusable: ${counted(unusable, 'entry', 'entries')}. list names them.`);
  return 0;
}

/** Two entries have one number after a key was lost: the later one counts. */
function isNewer(record: CallerRecord, other: CallerRecord | undefined): boolean {
  return other === undefined || Date.parse(record.updated_at) >= Date.parse(other.updated_at);
}

function csvLine(record: CallerRecord): string {
  const { variables, agents } = record;
  const cells = TEXTS.map((column) => {
    if (column === 'variables') return variables === undefined ? '' : JSON.stringify(variables);
    if (column === 'agents') return agents?.join(' ') ?? '';
    return record[column] ?? '';
  });
  return [record.number, ...cells].map(cell).join(',');
}

/** As https://www.rfc-editor.org/rfc/rfc4180#section-2 has it. */
function cell(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
