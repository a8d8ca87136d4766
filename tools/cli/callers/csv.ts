import { CsvError, type InfoRecord, parse } from 'csv-parse/sync';
import type { CallerDirectory } from '../../../src/lib/callers/directory.ts';
import { type CallerFacts, LARGEST_RECORD_BYTES } from '../../../src/lib/callers/record.ts';
import { readFacts, TEXTS, type Texts } from './facts.ts';

/** What a line says of a caller. */
export interface Row {
  readonly line: number;
  /** In its one form. */
  readonly number: string;
  readonly facts: CallerFacts;
}

export interface LineProblem {
  readonly line: number;
  readonly problem: string;
}

const COLUMNS: readonly string[] = ['number', ...TEXTS];
/** What a spreadsheet makes of a number of more than eleven digits. */
const ROUNDED = /^\d+([.,]\d+)?e\+?\d+$/i;
/** Room for the time and the source. */
const LARGEST_FACTS_BYTES = LARGEST_RECORD_BYTES - 512;

/**
 * Reads the whole file and says of every line what is wrong with it; `rows` are only usable when nothing is. Separated by commas,
 * semicolons or tabs, as the first line has them.
 */
export function readCallersFile(
  bytes: Uint8Array,
  directory: Pick<CallerDirectory, 'normalise'>,
): { readonly rows: readonly Row[]; readonly problems: readonly LineProblem[] } {
  const none = (problem: string, line = 1) => ({ rows: [], problems: [{ line, problem }] });
  const text = decode(bytes);
  if (text === undefined) return none('the file is not UTF-8: save it as "CSV UTF-8"');
  const parsed = readRecords(text);
  if ('problem' in parsed) return none(parsed.problem, parsed.line);
  const [head, ...records] = parsed.records;
  if (head === undefined) return none('the file is empty');
  const columns = head.cells.map((cell) => cell.toLowerCase());
  const wrong = problemOfColumns(columns);
  if (wrong !== undefined) return none(wrong, head.line);
  const rows: Row[] = [];
  const problems: LineProblem[] = [];
  const lineOf = new Map<string, number>();
  for (const { line, cells } of records) {
    const read = readRow(columns, cells, directory);
    const earlier = 'problems' in read ? undefined : lineOf.get(read.number);
    const found =
      'problems' in read ? read.problems : earlier === undefined ? [] : [`the number is that of line ${earlier}`];
    for (const problem of found) problems.push({ line, problem });
    if ('problems' in read || earlier !== undefined) continue;
    lineOf.set(read.number, line);
    rows.push({ line, ...read });
  }
  return { rows, problems };
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

interface Line {
  readonly line: number;
  readonly cells: readonly string[];
}

function readRecords(
  text: string,
): { readonly records: readonly Line[] } | { readonly problem: string; readonly line: number } {
  const [first = ''] = text.split(/\r?\n/, 1);
  const delimiter = [',', ';', '\t'].find((sign) => first.includes(sign)) ?? ',';
  try {
    const records: Line[] = [];
    const onRecord = (cells: string[], { lines }: InfoRecord) => void records.push({ line: lines, cells });
    parse(text, { delimiter, relaxColumnCount: true, relaxQuotes: true, skipEmptyLines: true, trim: true, onRecord });
    return { records };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error['lines'] === 'number' ? error['lines'] : 1;
    return { problem: `a quote is opened here and not closed (${error.code})`, line };
  }
}

function problemOfColumns(columns: readonly string[]): string | undefined {
  const unknown = columns.find((name) => !COLUMNS.includes(name));
  if (unknown !== undefined) return `there is no column "${unknown}": ${COLUMNS.join(', ')}`;
  if (!columns.includes('number')) return 'the column number is missing: the first line names the columns';
  const twice = columns.find((name, index) => columns.indexOf(name) !== index);
  return twice === undefined ? undefined : `the column ${twice} is there twice`;
}

function readRow(
  columns: readonly string[],
  cells: readonly string[],
  directory: Pick<CallerDirectory, 'normalise'>,
): Omit<Row, 'line'> | { readonly problems: readonly string[] } {
  if (cells.length !== columns.length) {
    return { problems: [`has ${cells.length} cells, and there are ${columns.length} columns`] };
  }
  const { number: given = '', ...texts } = Object.fromEntries(columns.map((name, index) => [name, cells[index] ?? '']));
  const number = ROUNDED.test(given) ? undefined : directory.normalise(given);
  const read = readFacts(texts as Texts); // the columns are known
  const problems = 'problems' in read ? [...read.problems] : [];
  if (ROUNDED.test(given)) problems.unshift('number: was rounded by a spreadsheet: keep the column as text');
  else if (number === undefined) problems.unshift('number: is empty, withheld or too long');
  if ('facts' in read && Buffer.byteLength(JSON.stringify({ number, ...read.facts })) > LARGEST_FACTS_BYTES) {
    problems.push(`an entry has at most ${LARGEST_RECORD_BYTES / 1024} KiB`);
  }
  return 'problems' in read || number === undefined || problems.length > 0
    ? { problems }
    : { number, facts: read.facts };
}
