import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { metadataOfCall, type StoredCalls, storedCalls, transcriptOf } from '../support/storedCalls.ts';
import { run } from './run.ts';

async function calls(stored: StoredCalls, ...args: string[]): Promise<{ code: number | string; text: string }> {
  const command = run(['tools/cli/calls.ts', ...args], {
    ...stored.settings,
    CallStorage: inject('storage'),
    TZ: 'UTC',
  });
  const code = await command.ended;
  return { code, text: command.text() };
}

async function oneCall(): Promise<StoredCalls> {
  const stored = storedCalls();
  const words = 'Hello \u001b[31mred\u001b[0m';
  await stored.put('transcripts', 'agent_1/conv_1.json', transcriptOf('conv_1', words), metadataOfCall('conv_1'));
  await stored.put('audio', 'agent_1/conv_1.mp3', 'sound');
  return stored;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'calls-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

test('calls lists what was stored today, for eyes and for scripts', async () => {
  const stored = await oneCall();
  expect((await calls(stored)).text).toMatch(
    /^2026-11-26 10:00:00 {2}conv_1 {2,}1:00 {4}\+31612345678 {2}success {2}transcript, recording$/m,
  );
  const { text } = await calls(stored, '--json');
  expect(JSON.parse(text)).toMatchObject({
    conversation_id: 'conv_1',
    agent_id: 'agent_1',
    started_at: '2026-11-26T10:00:00.000Z',
    duration_seconds: 60,
    direction: 'inbound',
    external_number: '+31612345678',
    successful: 'success',
    failure_reason: null,
    has: { transcript: true, otel: false, recording: true, failure: false, quarantine: false },
  });
});

test('calls says that nothing is stored, or that nothing fits', async () => {
  expect(await calls(storedCalls())).toMatchObject({ code: 0, text: expect.stringContaining('No call is stored') });
  const { text } = await calls(await oneCall(), '--caller', '+49301234567');
  expect(text).toContain('None of 1 call fits');
});

test('calls show is a page without control characters of those who spoke', async () => {
  const stored = await oneCall();
  const { text } = await calls(stored, 'show', 'conv_1', '--utc');
  expect(text).toContain('A summary.');
  expect(text).toContain('0:03  user   Hello [31mred [0m');
  expect(text).not.toContain('\u001b');
  expect(JSON.parse((await calls(stored, 'show', 'conv_1', '--json')).text)).toMatchObject({
    summary: 'A summary.',
    turns: [{ role: 'user' }],
  });
  expect(await calls(stored, 'show', 'conv_2')).toMatchObject({
    code: 1,
    text: expect.stringContaining('Nothing is stored of conv_2'),
  });
});

test('an id may be shortened as npm start shows it, as long as one call alone is meant', async () => {
  const stored = await oneCall();
  for (const id of ['conv_long_0001', 'conv_long_0002'])
    await stored.put('transcripts', `agent_1/${id}.json`, transcriptOf(id, 'Hello'), metadataOfCall(id));
  const { text } = await calls(stored, 'show', 'conv_…0002', '--json');
  expect(JSON.parse(text)).toMatchObject({ conversation_id: 'conv_long_0002' });
  expect(await calls(stored, 'erase', 'conv_lo…')).toMatchObject({
    code: 1,
    text: expect.stringMatching(/conv_lo… may be any of these:\n {2}conv_long_0001\n {2}conv_long_0002/),
  });
  expect(await calls(stored, 'get', 'conv_…0003')).toMatchObject({
    code: 1,
    text: expect.stringContaining('Nothing is stored of conv_…0003'),
  });
});

test('calls get writes a call, or all of a caller, as files', async () => {
  const stored = await oneCall();
  await stored.put('samples', 'agent_1/conv_1.abc.wav', 'voice');
  const out = folder();
  expect((await calls(stored, 'get', '--caller', '+31 6 12345678', '--out', out)).code).toBe(0);
  expect(readdirSync(out).sort()).toEqual(['conv_1.json', 'conv_1.mp3', 'sample.conv_1.abc.wav']);
  expect(readFileSync(join(out, 'conv_1.mp3'), 'utf8')).toBe('sound');
});

test('calls get writes nothing that is not what was stored, and calls verify names it', async () => {
  const stored = await oneCall();
  await stored.put('audio', 'agent_1/conv_1.mp3', 'other', { sha256: '0'.repeat(64) });
  const out = folder();
  expect(await calls(stored, 'get', 'conv_1', '--out', out)).toMatchObject({
    code: 1,
    text: expect.stringContaining('sha256 differs'),
  });
  expect(readdirSync(out)).toEqual(['conv_1.json']);
  const verified = await calls(stored, 'verify');
  expect(verified.code).toBe(1);
  expect(verified.text).toMatch(/differs +audio-\w+\/mp3\/agent_1\/conv_1\.mp3/);
  expect(verified.text).toContain('1 as received');
});

test.each([
  [['frobnicate'], 'There is no "frobnicate"'],
  [['shwo'], 'Is it show?'],
  [['show', 'conv_…_…1'], '"conv_…_…1" is not'],
  [['show'], 'show needs the id'],
  [['get'], 'get needs the id'],
  [['show', 'a/b'], 'not a conversation'],
  [['verify', '--caller', '+31612345678'], '--caller says nothing to verify'],
  [['--since', 'someday'], '"someday" is not a time'],
  [['--since', '2026-02-31'], '"2026-02-31" is not a time'],
  [['--caller', 'anonymous'], '--caller'],
  [['--azure', '--account', 'x'], 'exclude each other'],
])('calls %j is a wrong command line', async (args, message) => {
  const { code, text } = await calls(storedCalls(), ...args);
  expect([code, text]).toEqual([2, expect.stringContaining(message)]);
});
