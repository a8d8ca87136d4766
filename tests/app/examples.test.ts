import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventTypes } from '../../src/lib/postCall/events.ts';
import { measureMp3 } from '../../src/lib/preCall/sample/measureMp3.ts';
import { type Context, send, startContext } from '../support/context.ts';

const examples = new URL('../../examples/', import.meta.url);
/** pre_call.json belongs to the other endpoint. */
const payloads = readdirSync(examples).filter((name) => name.endsWith('.json') && name !== 'pre_call.json');
const recording = readFileSync(new URL('call.mp3', examples));

let context: Context;
beforeAll(async () => {
  context = await startContext();
});
afterAll(() => context.close());

it.each(payloads)('%s is received and kept where its type belongs', async (name) => {
  const body = readFileSync(new URL(name, examples));
  const { type } = JSON.parse(body.toString());
  const area = eventTypes.find((eventType) => eventType.type === type)?.area;
  const containers: Record<string, string> = {
    transcripts: context.containers.transcripts,
    audio: context.containers.audio,
    callFailures: context.containers.failures,
    otherEvents: context.containers.other,
  };
  const before = await context.paths();
  expect((await send(context, body)).text).toBe('{"status":"received"}');
  const [added, ...others] = (await context.paths()).filter((path) => !before.includes(path));
  expect(others).toEqual([]);
  expect(added?.split('/')[0]).toBe(containers[area ?? '']);
  const [blob] = await context.stored((path) => path === added);
  expect(blob?.bytes.equals(area === 'audio' ? recording : body)).toBe(true);
});

it('the recording of the examples is a playable MP3', () => {
  expect(measureMp3(recording)?.durationSeconds).toBeGreaterThan(2);
});
