import { beforeAll, describe, expect, inject, it } from 'vitest';
import { type Erasure, readErasure, STEPS } from '../../../src/lib/calls/erasureRecord.ts';
import { finishErasures } from '../../../src/lib/calls/finishErasures.ts';
import type { BlobStorage } from '../../../src/lib/storage/blobStorage.ts';
import type { Log } from '../../../src/lib/telemetry/log.ts';
import { storageAt } from '../../support/drafts.ts';
import { type StoredCalls, storedCalls } from '../../support/storedCalls.ts';

const REQUESTED = '2026-11-27T12:00:00.000Z';
const FINISHED = '2026-11-27T12:00:05.000Z';
const STEP_MS = 5 * 60_000;
const DAY_MS = 86_400_000;

let storage: BlobStorage;
beforeAll(() => {
  storage = storageAt(inject('storage'));
});

type Line = Readonly<Record<string, unknown>>;

/** A sweep at this time, without a key of ElevenLabs; what it logs. */
async function finish(stored: StoredCalls, now = Date.parse(REQUESTED) + 1_000): Promise<Line[]> {
  const lines: Line[] = [];
  const log = { write: (level: string, message: string, fields: object) => lines.push({ level, message, ...fields }) };
  await finishErasures({ storage, areas: stored.areas, elevenLabs: undefined, now: () => now }, log as unknown as Log);
  return lines;
}

const erasureOf = (conversation: string, more: Partial<Erasure> = {}): Erasure => ({
  conversation_id: conversation,
  agent_ids: ['agent_1'],
  of_any_agent: false,
  requested_at: REQUESTED,
  finished_at: null,
  left: STEPS.filter((step) => step !== 'conversation'),
  is_over: true,
  voice_ids: [],
  samples: [],
  callers: [],
  ...more,
});
const finished = (conversation: string) => erasureOf(conversation, { finished_at: FINISHED, left: [] });
const write = (stored: StoredCalls, erasure: Erasure) =>
  stored.put('state', `erased/${erasure.conversation_id}.json`, erasure, {
    left: String(erasure.left.length),
    requested_at: erasure.requested_at,
  });
const recordOf = ({ areas }: StoredCalls, conversation: string) =>
  readErasure({ storage, path: areas.state }, conversation);
const putBack = (stored: StoredCalls, conversation: string) =>
  stored.put('transcripts', `agent_1/${conversation}.json`, '{}', { conversation_id: conversation });
const ofState = /^(state|preCallState)\//;
const storedNames = async (stored: StoredCalls) => (await stored.names()).filter((name) => !ofState.test(name));

it('where nothing was ever erased, sweep says nothing', async () => {
  expect(await finish(storedCalls())).toEqual([]);
});

describe('what is not finished', () => {
  it('is finished, and said', async () => {
    const stored = storedCalls();
    await write(stored, erasureOf('conv_1'));
    await putBack(stored, 'conv_1');
    expect(await finish(stored)).toEqual([
      { level: 'INFO', message: 'erasure', outcome: 'finished', conversation: 'conv_1' },
    ]);
    expect(await storedNames(stored)).toEqual([]);
    const now = new Date(Date.parse(REQUESTED) + 1_000).toISOString();
    expect(await recordOf(stored, 'conv_1')).toEqual(erasureOf('conv_1', { left: [], finished_at: now }));
    expect(await finish(stored)).toEqual([]);
  });

  it('of a call whose agent nobody knew goes for all that send by now', async () => {
    const stored = storedCalls();
    await write(stored, erasureOf('conv_1', { agent_ids: [], of_any_agent: true }));
    await stored.put('audio', 'agent_2/conv_2.mp3', 'sound');
    await stored.put('audio', 'agent_2/conv_1.mp3', 'sound');
    await finish(stored);
    expect(await storedNames(stored)).toEqual(['audio/agent_2/conv_2.mp3']);
    expect((await recordOf(stored, 'conv_1'))?.agent_ids).toEqual(['agent_2']);
  });

  it.each([
    ['within a day it is information', DAY_MS, 'INFO'],
    ['after a day it is a warning', DAY_MS + 1, 'WARNING'],
  ])('cannot be finished, here for want of a key: %s', async (_name, afterMs, level) => {
    const stored = storedCalls();
    await write(stored, erasureOf('conv_1', { voice_ids: ['voice_1'], samples: ['a'.repeat(64)] }));
    await write(stored, erasureOf('conv_2', { requested_at: new Date(Date.parse(REQUESTED) + afterMs).toISOString() }));
    const lines = await finish(stored, Date.parse(REQUESTED) + afterMs);
    const unfinished = { level, message: 'erasure', outcome: 'unfinished', conversation: 'conv_1' };
    expect(lines).toEqual([
      { ...unfinished, step: 'voices', hint: expect.stringContaining('needs a key') },
      { ...unfinished, step: 'state', hint: 'waits for the clone' },
      { level: 'INFO', message: 'erasure', outcome: 'finished', conversation: 'conv_2' },
    ]);
    expect(await recordOf(stored, 'conv_1')).toEqual(
      erasureOf('conv_1', { left: ['voices', 'state'], voice_ids: ['voice_1'], samples: ['a'.repeat(64)] }),
    );
  });
});

describe('what is finished', () => {
  it('and has not come back is left alone, in silence', async () => {
    const stored = storedCalls();
    await write(stored, finished('conv_1'));
    await putBack(stored, 'conv_2'); // of another call
    expect(await finish(stored)).toEqual([]);
    expect(await storedNames(stored)).toEqual(['transcripts/agent_1/conv_2.json']);
  });

  it('and came back in several blobs is said once, and erased again; the others stay', async () => {
    const stored = storedCalls();
    await write(stored, finished('conv_1'));
    await write(stored, finished('conv_2'));
    await putBack(stored, 'conv_1');
    await stored.put('audio', 'agent_1/conv_1.mp3', 'sound');
    await stored.put('quarantine', 'x.json', '{}', { conversation_id: 'conv_1' });
    expect(await finish(stored)).toEqual([
      { level: 'WARNING', message: 'erasure', outcome: 'came back', conversation: 'conv_1' },
      { level: 'INFO', message: 'erasure', outcome: 'finished', conversation: 'conv_1' },
    ]);
    expect(await storedNames(stored)).toEqual([]);
    expect(await recordOf(stored, 'conv_1')).toEqual(finished('conv_1'));
  });

  it('is looked at twenty a run, in turn, so that every one is after as many runs as are needed', async () => {
    const stored = storedCalls();
    const ids = Array.from({ length: 45 }, (_, at) => `conv_${String(at).padStart(2, '0')}`);
    for (const id of ids) {
      await write(stored, finished(id));
      await putBack(stored, id);
    }
    const begin = Math.ceil(Date.parse(REQUESTED) / (3 * STEP_MS)) * 3 * STEP_MS;
    const cameBack = async (run: number) =>
      (await finish(stored, begin + run * STEP_MS + 1_000))
        .filter(({ outcome }) => outcome === 'came back')
        .map(({ conversation }) => conversation);
    expect(await cameBack(0)).toEqual(ids.slice(0, 20));
    expect(await cameBack(1)).toEqual(ids.slice(20, 40));
    expect(await cameBack(2)).toEqual(ids.slice(40));
    expect(await storedNames(stored)).toEqual([]);
  });
});
