import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { normaliseNumber } from '../../src/lib/callers/number.ts';
import { readCallersFile } from '../../tools/cli/callers/csv.ts';
import { openDirectory } from '../../tools/cli/callers/directory.ts';
import { exportCallers } from '../../tools/cli/callers/export.ts';
import { readFacts, type Writing, written } from '../../tools/cli/callers/facts.ts';
import { importCallers } from '../../tools/cli/callers/import.ts';
import { listCallers } from '../../tools/cli/callers/list.ts';
import { putCaller, removeCaller, showCaller } from '../../tools/cli/callers/one.ts';
import { type CallersValues, callersOptions, readRequest } from '../../tools/cli/callers/options.ts';
import { storageAt } from '../support/drafts.ts';
import { storedCalls } from '../support/storedCalls.ts';
import { run } from './run.ts';

const NUMBER = '+31612345678';
const NOW = Date.parse('2026-11-26T10:00:00Z');
const HEAD = 'number,name,language,voice_id,first_message,variables,agents';

/** The command, without a process: what it prints, and its exit code. */
function callersOf(stored = storedCalls()) {
  const settings = { ...stored.settings, CALLERS_DEFAULT_COUNTRY: 'NL' };
  const { areas } = stored;
  const storage = storageAt(inject('storage'));
  const access = { storage, areas, settings, name: 'the test', isAzure: false, explained: (error: unknown) => error };
  return async (word: string, given = '', values: Partial<CallersValues> = {}): Promise<string> => {
    const printed: unknown[] = [];
    const spies = (['log', 'error'] as const).map((name) =>
      vi.spyOn(console, name).mockImplementation((text) => void printed.push(text)),
    );
    const asked = { values: { ...NOT_GIVEN, ...values }, given };
    try {
      const directory = openDirectory(access, { mayMakeKey: word === 'put' || word === 'import' });
      if (word === 'list') await listCallers(access, directory, asked.values);
      if (word === 'show') await showCaller(access, directory, asked);
      if (word === 'put') await putCaller(access, directory, asked);
      if (word === 'remove') await removeCaller(access, directory, asked);
      if (word === 'import') printed.push(await importCallers(access, directory, { ...asked, file: given }));
      if (word === 'export') await exportCallers(access, directory, asked.values);
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
    return printed.join('\n');
  };
}

const NOT_GIVEN = Object.fromEntries(
  Object.entries(callersOptions).map(([name, { kind }]) => [name, kind === 'flag' ? false : undefined]),
) as unknown as CallersValues; // the record of all its names

function fileOf(text: string | Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'callers-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'callers.csv');
  writeFileSync(file, text);
  return file;
}

test('callers that are imported are listed, shown, exported, changed and removed', async () => {
  const callers = callersOf();
  const lines = [
    HEAD,
    '06 12345678,Jan de Vries,nl,voice_1,"Hallo, Jan!","{""plan"":""gold"",""visits"":3,""vip"":true}",agent_1 agent_2',
    '+31687654321,"Ann ""A"" Lee",,,,,',
  ];
  const file = fileOf(`${lines.join('\n')}\n`);
  expect(await callers('import', file)).toContain('2 new');
  expect(await callers('import', file)).toContain('2 unchanged');
  expect(await callers('list')).toMatch(/^\+31612345678 {2}Jan de Vries {2}nl {8}voice_1 {2}import {2}-$/m);
  expect(JSON.parse(await callers('show', `sip:${NUMBER}@example.com`, { json: true }))).toMatchObject({
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    number: NUMBER,
    name: 'Jan de Vries',
    language: 'nl',
    voice_id: 'voice_1',
    first_message: 'Hallo, Jan!',
    variables: { plan: 'gold', visits: 3, vip: true },
    agents: ['agent_1', 'agent_2'],
    source: 'import',
  });

  const changed = await callers('put', NUMBER, { name: 'Jan', voice: '', json: true });
  expect(JSON.parse(changed)).toEqual({ number: NUMBER, outcome: 'changed' });
  const out = fileOf('');
  await callers('export', '', { out });
  lines[1] = `${NUMBER},Jan,nl,,"Hallo, Jan!","{""plan"":""gold"",""visits"":3,""vip"":true}",agent_1 agent_2`;
  expect(readFileSync(out, 'utf8')).toBe(`${lines.join('\n')}\n`);

  await callers('put', NUMBER, { language: 'de', overwrite: true });
  const shown = JSON.parse(await callers('show', NUMBER, { json: true }));
  expect(shown).toEqual({
    hash: shown.hash,
    number: NUMBER,
    language: 'de',
    source: 'operator',
    updated_at: expect.any(String),
  });
  expect(await callers('remove', NUMBER)).toContain('removed');
  for (const action of ['show', 'remove']) {
    await expect(callers(action, NUMBER)).rejects.toThrow('not in the directory');
  }
});

test('a file with a mistake changes nothing, and every line with one is named', async () => {
  const stored = storedCalls();
  const file = fileOf(`number,name\n${NUMBER},Jan\nanonymous,X\n+31687654321,A,B\n`);
  const command = run(['tools/cli/callers.ts', 'import', file], { ...stored.settings, CallStorage: inject('storage') });
  expect(await command.ended).toBe(1);
  expect(command.text()).toContain(`${file}:3: number: is empty, withheld or too long`);
  expect(command.text()).toContain(`${file}:4: has 3 cells, and there are 2 columns`);
  expect(command.text()).toContain('Nothing was changed.');
  expect(await callersOf(stored)('list')).toContain('Nobody is in the directory');
});

test('--replace, which npm would keep for itself, is --overwrite', async () => {
  const stored = storedCalls();
  const callers = callersOf(stored);
  await callers('put', NUMBER, { name: 'Jan', language: 'nl' });
  const command = run(['tools/cli/callers.ts', 'import', fileOf(`number,name\n${NUMBER},Piet\n`), '--replace'], {
    ...stored.settings,
    CallStorage: inject('storage'),
  });
  expect(await command.ended).toBe(0);
  const shown = JSON.parse(await callers('show', NUMBER, { json: true }));
  expect([shown.name, shown.language]).toEqual(['Piet', undefined]);
});

test.each<[string, Partial<CallersValues>, string]>([
  ['anonymous', { name: 'x' }, 'not a number'],
  [NUMBER, { variables: '{"secret__key":"x"}' }, 'variables.secret__key: system__, secret__'],
  [NUMBER, { voice: 'a/b' }, 'voice_id: must be an id'],
])('put %s %j is wrong usage', async (number, values, problem) => {
  await expect(callersOf()('put', number, values)).rejects.toThrow(problem);
});

test.each<[string[], Partial<CallersValues>, string]>([
  [['list'], { overwrite: true }, '--overwrite says nothing to list'],
  [['import'], {}, 'import needs a file'],
  [['put'], {}, 'put needs a number'],
  [['find'], {}, 'There is no "find"'],
  [['list', NUMBER], {}, 'Too much'],
])('%j %j is wrong usage', (words, values, problem) => {
  expect(() => readRequest({ ...NOT_GIVEN, ...values }, words)).toThrow(problem);
});

test('looking into a directory that nobody has written to makes no key', async () => {
  const stored = storedCalls();
  await expect(callersOf(stored)('show', NUMBER)).rejects.toThrow('Nobody is in the directory');
  expect(await stored.names()).toEqual([]);
});

describe('a file of callers', () => {
  const read = (text: string | Buffer) =>
    readCallersFile(Buffer.from(text as string), { normalise: (number) => normaliseNumber(number, 'NL') });
  const row = (line: number, number: string, facts: object = {}) => ({ line, number, facts });

  test.each([
    ['columns in any order, and few of them', `name,number\nJan,${NUMBER}\n`],
    ['semicolons', `number;name\n${NUMBER};Jan\n`],
    ['tabs, a byte order mark and Windows line ends', `\uFEFFnumber\tname\r\n${NUMBER}\tJan\r\n`],
    ['names of columns in capitals, and white space', `Number , NAME\n "${NUMBER}" , Jan `],
    ['empty cells', `number,name,language,agents\n${NUMBER},Jan,,\n`],
  ])('may have %s', (_what, text) => {
    expect(read(text)).toEqual({ rows: [row(2, NUMBER, { name: 'Jan' })], problems: [] });
  });

  test('may have empty lines, and cells of several lines', () => {
    const { rows, problems } = read(`number,first_message\n\n${NUMBER},"Hallo\nJan"\n+31687654321,x\n`);
    expect(problems).toEqual([]);
    expect(rows.map(({ number, facts }) => [number, facts.first_message])).toEqual([
      [NUMBER, 'Hallo\nJan'],
      ['+31687654321', 'x'],
    ]);
    expect(rows[1]?.line).toBe(5);
  });

  test.each<[string, string | Buffer, number, string]>([
    ['nothing', '', 1, 'empty'],
    ['a column that does not exist', `number,naam\n${NUMBER},x\n`, 1, 'no column "naam"'],
    ['no numbers', 'name\nJan\n', 1, 'number is missing'],
    ['a column twice', `number,name,name\n${NUMBER},x,y\n`, 1, 'twice'],
    ['letters that are not UTF-8', Buffer.from(`number,name\n${NUMBER},Jos\u00e9\n`, 'latin1'), 1, 'UTF-8'],
    ['a quote that nobody closes', `number,name\n${NUMBER},"Jan\n`, 2, 'not closed'],
    ['a number that is withheld', 'number\nunknown\n', 2, 'withheld'],
    ['no number', 'number,name\n,Jan\n', 2, 'is empty'],
    ['a number that a spreadsheet has rounded', 'number\n3.16123E+10\n', 2, 'rounded'],
    ['a number twice, in two forms', `number\n${NUMBER}\n0612345678\n`, 3, 'that of line 2'],
    ['too few cells', `number,name\n${NUMBER}\n`, 2, '1 cells'],
    ['variables that are not JSON', `number,variables\n${NUMBER},plan=gold\n`, 2, 'not valid JSON'],
    ['variables in variables', `number;variables\n${NUMBER};{"a":{}}\n`, 2, 'variables.a'],
    ['a variable of ElevenLabs', `number;variables\n${NUMBER};{"system__x":1}\n`, 2, 'reserved'],
    ['an agent that is not an id', `number,agents\n${NUMBER},agent_1 a/b\n`, 2, 'agents.1'],
    ['a language in words', `number,language\n${NUMBER},Dutch\n`, 2, 'language'],
    ['an entry over 16 KiB', `number,name\n${NUMBER},${'x'.repeat(16_000)}\n`, 2, '16 KiB'],
  ])('may not have %s', (_what, text, line, problem) => {
    expect(read(text).problems).toEqual([{ line, problem: expect.stringContaining(problem) }]);
  });
});

describe('what an entry becomes', () => {
  const before = {
    number: NUMBER,
    name: 'Jan',
    voice_id: 'voice_1',
    source: 'import',
    updated_at: '2026-11-01T00:00:00Z',
  };
  const writing: Writing = { number: NUMBER, facts: { name: 'Piet' }, source: 'import', replaces: false, now: NOW };
  const own = { ...before, source: 'pre-call', expires_at: '2027-11-01T00:00:00Z' };
  const updated_at = new Date(NOW).toISOString();

  test('keeps what is not given, unless it is replaced', () => {
    expect(written(before, writing)).toEqual({ ...before, name: 'Piet', updated_at });
    expect(written(before, { ...writing, replaces: true })).toEqual({
      number: NUMBER,
      name: 'Piet',
      source: 'import',
      updated_at,
    });
  });

  test('is the same when it says the same', () => {
    expect(written(before, { ...writing, facts: { name: 'Jan' } })).toBe('leave');
    expect(written(before, { ...writing, facts: {} })).toBe('leave');
    expect(written(own, { ...writing, facts: {} })).toBe('leave');
  });

  test('of an entry of pre-call belongs to who has written it, and expires no longer', () => {
    const { expires_at: _until, ...others } = own;
    expect(written(own, { ...writing, facts: { name: 'Jan' } })).toEqual({ ...others, source: 'import', updated_at });
  });

  test.each([
    ['there is none', undefined],
    ['it cannot be used', { unusable: 'broken' } as const],
    ['it has expired', { ...before, expires_at: '2026-11-26T10:00:00Z' }],
    ['it is somebody else’s', { ...before, number: '+31600000000' }],
  ])('is new when %s', (_when, entry) => {
    expect(written(entry, writing)).toEqual({ number: NUMBER, name: 'Piet', source: 'import', updated_at });
  });
});

test('an empty text says nothing', () => {
  expect(readFacts({ name: ' ', variables: '', agents: ' a  b ' })).toEqual({ facts: { agents: ['a', 'b'] } });
});
