import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventTypes } from '../../src/lib/postCall/events.ts';
import { measureMp3 } from '../../src/lib/preCall/sample/measureMp3.ts';
import { send, startWorld, type World } from '../support/world.ts';

const examples = new URL('../../examples/', import.meta.url);
/** pre_call.json belongs to the other endpoint. */
const payloads = readdirSync(examples).filter((name) => name.endsWith('.json') && name !== 'pre_call.json');
const recording = readFileSync(new URL('call.mp3', examples));

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

it.each(payloads)('%s is received and kept where its type belongs', async (name) => {
  const body = readFileSync(new URL(name, examples));
  const { type } = JSON.parse(body.toString());
  const area = eventTypes.find((eventType) => eventType.type === type)?.area;
  const containers: Record<string, string> = {
    transcripts: world.containers.transcripts,
    audio: world.containers.audio,
    callFailures: world.containers.failures,
    otherEvents: world.containers.other,
  };
  const before = await world.paths();
  expect((await send(world, body)).text).toBe('{"status":"received"}');
  const [added, ...others] = (await world.paths()).filter((path) => !before.includes(path));
  expect(others).toEqual([]);
  expect(added?.split('/')[0]).toBe(containers[area ?? '']);
  const [blob] = await world.stored((path) => path === added);
  expect(blob?.bytes.equals(area === 'audio' ? recording : body)).toBe(true);
});

it('the recording of the examples is a playable MP3', () => {
  expect(measureMp3(recording)?.durationSeconds).toBeGreaterThan(2);
});
