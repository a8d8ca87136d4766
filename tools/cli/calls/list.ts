import type { Call } from '../../../src/lib/calls/call.ts';
import { timeOf } from '../../../src/lib/calls/call.ts';
import { findCalls } from '../../../src/lib/calls/findCalls.ts';
import { commandLine } from '../../command/commandLine.ts';
import { counted, note, paint, printJson, progress } from '../../command/output.ts';
import type { StorageAccess } from '../storageAccess.ts';
import { callJson } from './callJson.ts';
import { filterOf } from './filter.ts';
import type { CallValues } from './options.ts';
import { showDuration, showTime } from './times.ts';

const USUAL_LIMIT = 1_000;

/** The calls that fit, newest first: a table, or one object a line. */
export async function listStored(access: StorageAccess, values: CallValues): Promise<number> {
  const filter = filterOf(values, access);
  const limit = values.limit ?? USUAL_LIMIT;
  const onProgress = (seen: number) => {
    if (seen % 100 === 0) progress(`${counted(seen, 'call')} looked at`);
  };
  const found = await findCalls(access.storage, access.areas, filter, { limit, onProgress });
  progress('');
  if (values.json) for (const call of found.calls) printJson(callJson(call));
  else if (found.calls.length > 0) console.log(table(found.calls, values.utc));
  if (found.matching > found.calls.length) {
    note(`The newest ${found.calls.length} of ${found.matching}: --limit N shows more, --since and --until choose.`);
  }
  if (found.matching === 0) note(nothingFound(found.seen, values, access));
  return 0;
}

function nothingFound(seen: number, { since, until }: CallValues, { name }: StorageAccess): string {
  if (seen === 0) return `No call is stored (${name}).`;
  const isToday = since === undefined && until === undefined;
  const more = isToday ? ` today. Earlier ones: ${commandLine('calls', ['--since', '7d'])}` : '.';
  return `None of ${counted(seen, 'call')} fits${more}`;
}

function table(calls: readonly Call[], isUtc: boolean): string {
  const rows = calls.map((call) => [
    showTime(new Date(timeOf(call)), isUtc),
    call.conversationId,
    duration(call),
    call.details['call_external_number'] ?? '-',
    result(call),
    stored(call),
  ]);
  const head = ['TIME', 'CONVERSATION', 'LENGTH', 'NUMBER', 'RESULT', 'STORED'];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [paint('dim', line(head)), ...rows.map(line)].join('\n');
}

function duration({ details }: Call): string {
  const seconds = details['call_duration_seconds'];
  return seconds === undefined ? '-' : showDuration(Number(seconds));
}

function result({ details, has }: Call): string {
  const reason = details['call_failure_reason'];
  if (has.failure) return `failed${reason === undefined ? '' : ` (${reason})`}`;
  return details['call_successful'] ?? '-';
}

function stored({ has, missing }: Call): string {
  const names = Object.entries(has).flatMap(([form, isThere]) => (isThere ? [form] : []));
  return [...names, ...missing.map((form) => `no ${form}!`)].join(', ');
}
