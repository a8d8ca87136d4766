import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, inject, onTestFinished, test } from 'vitest';
import { addConversation } from '../../tools/local/elevenlabs/conversations.ts';
import { type RunningElevenLabs, startElevenLabs } from '../../tools/local/elevenlabs/server.ts';
import { metadataOfCall, type StoredCalls, storedCalls, transcriptOf } from '../support/storedCalls.ts';
import { run } from './run.ts';

/** What the command is told of ElevenLabs. */
let api: Record<string, string> = {};
afterEach(() => {
  api = {};
});

/** A stand-in that takes the operator's key alone. */
async function elevenLabs(): Promise<RunningElevenLabs> {
  const running = await startElevenLabs({ port: 0, apiKey: 'operator_key' });
  onTestFinished(() => running.close());
  api = { ELEVENLABS_API_BASE_URL: running.url, ELEVENLABS_OPERATOR_API_KEY: 'operator_key' };
  return running;
}

interface Ended {
  readonly code: number | string;
  readonly text: string;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'calls-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

async function calls(stored: StoredCalls, from: string, ...args: string[]): Promise<Ended> {
  const environment = { ...stored.settings, ...api, CallStorage: inject('storage'), INIT_CWD: from };
  const command = run(['tools/cli/calls.ts', ...args], environment);
  const code = await command.ended;
  return { code, text: command.text() };
}

async function threeBlobs(): Promise<StoredCalls> {
  const stored = storedCalls();
  await stored.put('transcripts', 'agent_1/conv_1.json', transcriptOf('conv_1', 'words'), metadataOfCall('conv_1'));
  await stored.put('audio', 'agent_1/conv_1.mp3', 'sound', metadataOfCall('conv_1'));
  await stored.put(
    'transcripts',
    'agent_1/conv_2.json',
    transcriptOf('conv_2', 'x'),
    metadataOfCall('conv_2', { call_external_number: '+4930123456' }),
  );
  return stored;
}

test('calls erase shows what would go, does it with --yes, and writes a receipt without anything of the caller', async () => {
  const stored = await threeBlobs();
  const here = folder();
  const shown = await calls(stored, here, 'erase', '--caller', '+31 6 12345678');
  expect(shown.code).toBe(0);
  expect(shown.text).toContain('conv_1');
  expect(shown.text).not.toContain('conv_2');
  expect(shown.text).toContain('Nothing was erased');
  expect(await stored.names()).toHaveLength(3);

  expect((await calls(stored, here, 'erase', '--caller', '+31 6 12345678', '--yes')).code).toBe(0);
  expect(await stored.names()).toEqual(['state/erased/conv_1.json', 'transcripts/agent_1/conv_2.json']);
  const [file = ''] = readdirSync(here);
  const receipt = readFileSync(join(here, file), 'utf8');
  expect(file).toMatch(/^erase-[\dTZ-]+\.json$/);
  expect(receipt).not.toContain('612345678');
  expect(JSON.parse(receipt)).toMatchObject({
    deleted_blobs: 2,
    conversations: [{ conversation_id: 'conv_1', agent_ids: ['agent_1'], left: [] }],
  });

  expect(await calls(stored, here, 'erase', 'conv_1', '--yes')).toMatchObject({
    code: 0,
    text: expect.stringContaining('nothing is left to do'),
  });
});

test('calls verify finds what came back of an erased call, and erases it again with --repair', async () => {
  const stored = await threeBlobs();
  const here = folder();
  const receipt = join(here, 'r.json');
  expect((await calls(stored, here, 'erase', 'conv_1', '--yes', '--receipt', receipt)).code).toBe(0);
  expect(readdirSync(here)).toEqual(['r.json']);
  await stored.put('transcripts', 'agent_1/conv_1.json', 'restored');
  expect(await calls(stored, here, 'verify')).toMatchObject({ code: 1, text: expect.stringContaining('came back') });
  expect((await calls(stored, here, 'verify', '--repair')).code).toBe(0);
  expect(await calls(stored, here, 'verify')).toMatchObject({ code: 0 });
  expect(await stored.names()).toEqual(['state/erased/conv_1.json', 'transcripts/agent_1/conv_2.json']);
});

test('calls erase --elevenlabs without a key of the operator ends with 1 and names what is left; --resume goes on', async () => {
  const stored = await threeBlobs();
  const here = folder();
  const first = await calls(stored, here, 'erase', 'conv_1', '--yes', '--elevenlabs');
  expect(first.code).toBe(1);
  expect(first.text).toContain('left: conversation of conv_1');
  expect(await calls(stored, here, 'erase', '--resume')).toMatchObject({
    code: 1,
    text: expect.stringContaining('ELEVENLABS_OPERATOR_API_KEY'),
  });
});

test('calls erase --elevenlabs deletes the conversation there, too, and again is harmless', async () => {
  const { state } = await elevenLabs();
  const stored = await threeBlobs();
  const here = folder();
  for (const conversationId of ['conv_1', 'conv_2']) addConversation(state, { agentId: 'agent_1', conversationId });
  expect((await calls(stored, here, 'erase', 'conv_1', '--elevenlabs')).text).toContain('1 conversation at ElevenLabs');
  expect([...state.conversations.keys()]).toEqual(['conv_1', 'conv_2']);
  expect((await calls(stored, here, 'erase', 'conv_1', '--elevenlabs', '--yes')).code).toBe(0);
  expect([...state.conversations.keys()]).toEqual(['conv_2']);
  expect((await calls(stored, here, 'erase', 'conv_1', '--elevenlabs', '--yes')).code).toBe(0); // it is there no more
});

test('calls erase --elevenlabs that ElevenLabs refuses is left, with the reason, and --resume finishes it', async () => {
  const { state, fail } = await elevenLabs();
  const stored = await threeBlobs();
  const here = folder();
  addConversation(state, { agentId: 'agent_1', conversationId: 'conv_1' });
  fail({ kind: 'missing-permission', permission: 'convai_write', method: 'DELETE' });
  const first = await calls(stored, here, 'erase', 'conv_1', '--elevenlabs', '--yes');
  expect([first.code, first.text]).toEqual([1, expect.stringMatching(/left: conversation of conv_1: .*permission/)]);
  expect(await stored.names()).toEqual(['state/erased/conv_1.json', 'transcripts/agent_1/conv_2.json']);
  fail({ kind: 'answer-lost', method: 'DELETE' });
  expect((await calls(stored, here, 'erase', '--resume')).code).toBe(0);
  expect(state.conversations.size).toBe(0);
});

test.each([
  [['erase'], 'one of them'],
  [['erase', 'conv_1', '--caller', '+31612345678'], 'one of them'],
  [['--yes'], '--yes says nothing to list'],
])('calls %j is a wrong command line', async (args, message) => {
  const { code, text } = await calls(storedCalls(), folder(), ...args);
  expect([code, text]).toEqual([2, expect.stringContaining(message)]);
});
