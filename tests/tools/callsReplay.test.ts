import { createHash, createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { expect, inject, onTestFinished, test } from 'vitest';
import { metadataOfCall, type StoredCalls, storedCalls, transcriptOf } from '../support/storedCalls.ts';
import { run } from './run.ts';

const SECRET = 'wsec_replay_test';

/** An app that takes what is genuine, and says what it has got. */
async function receiver(status = 200): Promise<{ url: string; bodies: Record<string, unknown>[]; texts: string[] }> {
  const bodies: Record<string, unknown>[] = [];
  const texts: string[] = [];
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const [, t, v0] = /^t=(\d+),v0=(\w+)$/.exec(String(request.headers['elevenlabs-signature'])) ?? [];
    const isGenuine = createHmac('sha256', SECRET).update(`${t}.`).update(body).digest('hex') === v0;
    if (isGenuine) texts.push(body.toString());
    if (isGenuine && status === 200) bodies.push(JSON.parse(body.toString()));
    response.writeHead(isGenuine ? status : 401).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies, texts };
}

async function replay(stored: StoredCalls, ...args: string[]): Promise<{ code: number | string; text: string }> {
  const environment = { ...stored.settings, CallStorage: inject('storage'), ELEVENLABS_WEBHOOK_SECRET: SECRET };
  const command = run(['tools/cli/calls.ts', 'replay', ...args], environment);
  const code = await command.ended;
  return { code, text: command.text() };
}

async function oneCall(): Promise<StoredCalls> {
  const stored = storedCalls();
  await stored.put('transcripts', 'agent_1/conv_1.json', transcriptOf('conv_1', 'words'), metadataOfCall('conv_1'));
  await stored.put('audio', 'agent_1/conv_1.mp3', 'sound', {
    conversation_id: 'conv_1',
    agent_id: 'agent_1',
    event_timestamp: '1764151260',
  });
  return stored;
}

test('calls replay sends transcript and recording again, signed anew', async () => {
  const { url, bodies } = await receiver();
  const { code, text } = await replay(await oneCall(), 'conv_1', '--to', url);
  expect([code, text]).toEqual([0, expect.stringContaining('2 200')]);
  expect(bodies).toEqual([
    transcriptOf('conv_1', 'words'),
    {
      type: 'post_call_audio',
      event_timestamp: 1_764_151_260,
      data: { agent_id: 'agent_1', conversation_id: 'conv_1', full_audio: Buffer.from('sound').toString('base64') },
    },
  ]);
});

test('calls replay --new-ids gives all of a call one new id', async () => {
  const { url, bodies } = await receiver();
  expect((await replay(await oneCall(), '--caller', '+31612345678', '--to', url, '--new-ids')).code).toBe(0);
  const ids = bodies.map((body) => (body['data'] as Record<string, unknown>)['conversation_id']);
  expect(new Set(ids).size).toBe(1);
  expect(ids[0]).toMatch(/^conv_replay\w{32}$/);
});

test('calls replay ends with 1 when something was refused', async () => {
  const { url } = await receiver(503);
  expect(await replay(await oneCall(), 'conv_1', '--to', url)).toMatchObject({
    code: 1,
    text: expect.stringContaining('2 503'),
  });
});

test('calls replay to another machine shows what it would send', async () => {
  const shown = await replay(await oneCall(), 'conv_1', '--to', 'https://webhook.example');
  expect(shown.code).toBe(0);
  expect(shown.text).toContain('POST https://webhook.example/elevenlabs/webhook');
  expect(shown.text).toContain('--yes sends what is listed');
});

test('calls replay sends nothing of a call that was erased', async () => {
  const { url, bodies } = await receiver();
  const stored = await oneCall();
  await stored.put('state', 'erased/conv_1.json', '{}');
  expect((await replay(stored, 'conv_1', '--to', url)).code).toBe(1);
  expect(bodies).toEqual([]);
});

/** In quarantine: a body without readable ids, and one in parts whose audio breaks off. */
async function quarantined(more: Record<string, string> = {}): Promise<StoredCalls> {
  const stored = storedCalls();
  const metadata = { quarantine_reason: 'broken_audio', event_timestamp: '1764151260', ...more };
  await stored.put('quarantine', 'not_an_event/2026-01-01/aa.json', '["odd"]');
  const [around, sound, undecoded] = ['{"data":{"conversation_id":"conv_1","full_audio":"', 'sounds', '% "}}'];
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const stem = `broken_audio/2026-01-01/${sha256(around + sha256(sound) + sha256(undecoded))}`;
  await stored.put('quarantine', `${stem}.around.json`, around, metadata);
  await stored.put('quarantine', `${stem}.mp3`, sound, metadata);
  await stored.put('quarantine', `${stem}.remainder.bin`, undecoded, metadata);
  return stored;
}

test('calls replay quarantine sends every body as it was received, in parts or without ids', async () => {
  const { url, texts } = await receiver(400);
  const { code, text } = await replay(await quarantined(), 'quarantine', '--to', url);
  expect([code, text]).toEqual([1, expect.stringContaining('2 400')]);
  const expected = [
    '["odd"]',
    `{"data":{"conversation_id":"conv_1","full_audio":"${Buffer.from('sounds').toString('base64')}% "}}`,
  ];
  expect(texts.sort()).toEqual(expected.sort());
});

test('calls replay quarantine heeds reason, time and agent', async () => {
  const { url, texts } = await receiver();
  const stored = await quarantined({ agent_id: 'agent_1' });
  expect((await replay(stored, 'quarantine', '--to', url, '--reason', 'not_an_event')).code).toBe(0);
  expect(texts.splice(0)).toEqual(['["odd"]']);
  const old = ['--until', '2025-11-27', '--agent', 'agent_1'];
  expect((await replay(stored, 'quarantine', '--to', url, ...old)).code).toBe(0);
  expect(texts).toEqual([expect.stringContaining('conv_1')]);
});

test('calls replay quarantine has nothing to do when nothing there fits, which is no failure', async () => {
  const { url } = await receiver();
  const stored = await quarantined();
  for (const how of [['--to', url], ['--in-place']]) {
    expect(await replay(stored, 'quarantine', ...how, '--reason', 'not_json')).toEqual({
      code: 0,
      text: 'Nothing that fits is in quarantine.\n',
    });
  }
});

test('calls replay sends nothing whose bytes are not those that were stored, and says so', async () => {
  const { url, texts } = await receiver();
  const stored = await oneCall();
  await stored.put('transcripts', 'agent_1/conv_1.json', '{"torn":true}', { sha256: '0'.repeat(64) });
  const { code, text } = await replay(stored, 'conv_1', '--to', url);
  expect([code, texts.length]).toEqual([1, 1]);
  expect(text).toMatch(/not sent .*sha256/);
});

test.each([
  [['conv_1'], '--to URL'],
  [['quarantine', '--in-place', '--limit', '3'], '--limit says nothing to replay quarantine'],
  [['conv_1', '--reason', 'not_json'], '--reason says nothing to replay'],
  [['--to', 'http://127.0.0.1:1'], 'replay needs the id'],
  [['conv_1', '--in-place'], '--in-place is for replay quarantine'],
])('calls replay %j is a wrong command line', async (args, message) => {
  const { code, text } = await replay(storedCalls(), ...args);
  expect([code, text]).toEqual([2, expect.stringContaining(message)]);
});
