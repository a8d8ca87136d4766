import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { callerKey, hashOfNumber } from '../../../src/lib/callers/callerKey.ts';
import { eraseCalls } from '../../../src/lib/calls/eraseCalls.ts';
import { eraseLooseClones } from '../../../src/lib/calls/eraseClones.ts';
import type { EraseContext } from '../../../src/lib/calls/eraseContext.ts';
import { readErasure } from '../../../src/lib/calls/erasureRecord.ts';
import type { ErasureRequest } from '../../../src/lib/calls/erasureRequest.ts';
import { planErasure } from '../../../src/lib/calls/planErasure.ts';
import { callOf } from '../../../src/lib/preCall/context.ts';
import { MADE_BY } from '../../../src/lib/preCall/voice/clone.ts';
import type { Services } from '../../../src/lib/services.ts';
import { audioEvent, newCall, now, send, transcription } from '../../support/context.ts';
import {
  clonesOf,
  jsonRequest,
  metadataOf,
  newCallOfAgent,
  newSample,
  OWN_GREETING,
  OWN_VOICE,
  type PreCallApp,
  sendPreCall,
  startInstances,
  sweepOn,
} from '../../support/preCallContext.ts';

const NUMBER = '+31612345678';

let app: PreCallApp;
let instance: Services;
beforeAll(async () => {
  app = await startInstances(1, {
    ENABLE_VOICE_SAMPLE_STORAGE: 'true',
    CALLERS_STORAGE_PATH: `callers-${randomUUID().slice(0, 8)}`,
  });
  instance = app.instances[0] as Services;
});
afterAll(() => app.close());
afterEach(() => {
  app.clock.aheadMs = 0;
  app.api.clearFaults();
});

function context(): EraseContext {
  const { erasing } = instance;
  if (erasing === undefined) throw new Error('not configured');
  const work = {
    id: 'erase-test',
    signal: AbortSignal.timeout(60_000),
    endsAtMs: performance.now() + 60_000,
    log: { write: () => {} },
  };
  return { ...erasing, operator: undefined, work };
}

async function plan(request: ErasureRequest, withConversation = false) {
  const here = context();
  const elevenLabs = here.elevenLabs && { client: here.elevenLabs, call: callOf(here.work) };
  return planErasure({ ...here, elevenLabs, withConversation }, request);
}

const erase = async (request: ErasureRequest) => eraseCalls(context(), (await plan(request)).erasures);

type CallIds = ReturnType<typeof newCall>;
const withNumber = (call: CallIds, number = NUMBER) =>
  transcription(call, { has_audio: true, metadata: { phone_call: { direction: 'inbound', external_number: number } } });
const post = (event: object) => send(app.context, JSON.stringify(event));

/** Everything in the app's containers that names the call, in its name or its bytes or its metadata, tombstones apart. */
async function tracesOf(call: CallIds, ...more: string[]): Promise<string[]> {
  const found: string[] = [];
  const containers = new Set(Object.values(context().areas).map(({ container }) => container));
  for (const name of containers) {
    for (const { path, bytes, metadata } of await app.context.storedIn(name)) {
      if (metadata['erased_at'] !== undefined || path.includes('/erased/')) continue;
      const all = `${path} ${JSON.stringify(metadata)} ${bytes.toString('latin1')}`;
      if ([call.conversation_id, ...more].some((text) => all.includes(text))) found.push(path);
    }
  }
  return found;
}

/** A caller who was cloned, spoke, and whose call left one of everything. */
async function wholeCall(number = NUMBER) {
  const call = newCallOfAgent(app);
  const sample = newSample();
  const caller_metadata = { name: 'Ivan', phone_number: number };
  const answer = await sendPreCall(app, jsonRequest(metadataOf(call, { caller_metadata }), sample));
  expect(answer.json).toMatchObject({ status: 'success' });
  await post(withNumber(call, number));
  await post({ ...withNumber(call, number), event_timestamp: now() + 1 }); // another body: beside the first
  await post(audioEvent(Buffer.from('sound of the call'), call));
  await post({ ...audioEvent('%%%', call) }); // quarantined
  return { call, sample, voiceId: String(answer.json['voice_id']) };
}

describe('an erased call', () => {
  it('leaves nothing in any blob or state, no clone, and the agent has its own voice', async () => {
    const { call, sample } = await wholeCall();
    expect((await tracesOf(call)).length).toBeGreaterThanOrEqual(5);
    const { left, deletedBlobs } = await erase({ conversationId: call.conversation_id });
    expect(left).toEqual([]);
    expect(deletedBlobs).toBeGreaterThanOrEqual(4);
    expect(await tracesOf(call)).toEqual([]);
    expect(clonesOf(app, sample)).toEqual([]);
    expect(app.api.state.agentNow(call.agent_id)).toEqual({ voiceId: OWN_VOICE, firstMessage: OWN_GREETING });
    const { erasing } = instance;
    const record =
      erasing && (await readErasure({ storage: erasing.storage, path: erasing.areas.state }, call.conversation_id));
    expect(record).toMatchObject({ agent_ids: [call.agent_id], left: [], voice_ids: [], samples: [], callers: [] });
    expect(JSON.stringify(record)).not.toContain(NUMBER.slice(1));
  });

  it('stays erased: whatever is delivered of it later is answered 200 and not kept', async () => {
    const { call } = await wholeCall();
    await erase({ conversationId: call.conversation_id });
    const events = [
      withNumber(call),
      audioEvent(Buffer.from('late'), call),
      audioEvent('%%%', call),
      { type: 'call_initiation_failure', event_timestamp: now(), data: { ...call, failure_reason: 'busy' } },
    ];
    for (const event of events) expect((await post(event)).status).toBe(200);
    expect(await tracesOf(call)).toEqual([]);
  });

  it('may be one of which nothing is stored yet: what is delivered then is not kept, whichever known agent it is of', async () => {
    const { call } = await wholeCall();
    const later = { agent_id: call.agent_id, conversation_id: newCall().conversation_id };
    expect((await erase({ conversationId: later.conversation_id })).left).toEqual([]);
    expect((await post(withNumber(later))).status).toBe(200);
    expect(await tracesOf(later)).toEqual([]);
  });

  it('also of an agent that nobody had heard of then, whatever else it sends', async () => {
    const agent_id = newCall().agent_id;
    const call = () => ({ agent_id, conversation_id: newCall().conversation_id });
    const [erased, later, other] = [call(), call(), call()];
    await erase({ conversationId: erased.conversation_id });
    await erase({ conversationId: later.conversation_id });
    expect((await post(withNumber(erased))).status).toBe(200);
    expect((await post(audioEvent(Buffer.alloc(900), erased))).status).toBe(200);
    expect((await post(audioEvent(Buffer.alloc(9e6), erased))).status).toBe(200);
    await post(withNumber(other)); // from now on the agent is known
    expect((await post(withNumber(later))).status).toBe(200);
    const third = call();
    await erase({ conversationId: third.conversation_id }); // by a tombstone
    expect((await post(withNumber(third))).status).toBe(200);
    expect(await tracesOf(erased)).toEqual([]);
    expect(await tracesOf(later)).toEqual([]);
    expect(await tracesOf(third)).toEqual([]);
    expect(await tracesOf(other)).toHaveLength(1);
  });

  it('what of it came through before the agent was known is found by sweep', async () => {
    const call = newCall();
    await erase({ conversationId: call.conversation_id });
    const { container, prefix } = context().areas.transcripts;
    const name = `${prefix}${call.agent_id}/${call.conversation_id}.json`;
    await app.context.blobs.getContainerClient(container).getBlockBlobClient(name).upload('{}', 2);
    await sweepOn(instance);
    expect(await tracesOf(call)).toEqual([]);
  });

  it('may be erased again, and nothing is left to do', async () => {
    const { call } = await wholeCall();
    await erase({ conversationId: call.conversation_id });
    const again = await plan({ conversationId: call.conversation_id });
    expect(again.calls).toEqual([]);
    expect(again.erasures).toMatchObject([{ left: [], finished_at: expect.any(String) }]);
  });
});

describe('by number', () => {
  it('every call of it goes, also one that only pre-call knows, and its entry in the directory; other callers stay', async () => {
    const number = '+31687654321';
    const { call } = await wholeCall(number);
    const onlyPreCall = newCallOfAgent(app);
    const sample = newSample();
    await sendPreCall(
      app,
      jsonRequest(metadataOf(onlyPreCall, { caller_metadata: { phone_number: '+31 6 87654321' } }), sample),
    );
    const other = newCall();
    await post(withNumber(other, '+4930123456'));
    const { storage, areas } = context();
    const hash = hashOfNumber(await callerKey({ storage, path: areas.state }), number);
    const directory = app.context.blobs.getContainerClient(areas.callers.container);
    await directory.createIfNotExists();
    await directory.getBlockBlobClient(`${areas.callers.prefix}${hash}.json`).upload(number, number.length);

    app.clock.aheadMs = 16 * 60_000; // the lease of the call without an event has ended
    const planned = await plan({ number });
    expect(planned.erasures.map(({ conversation_id }) => conversation_id).sort()).toEqual(
      [call.conversation_id, onlyPreCall.conversation_id].sort(),
    );
    expect((await eraseCalls(context(), planned.erasures)).left).toEqual([]);
    expect(await tracesOf(call, onlyPreCall.conversation_id, hash, number)).toEqual([]);
    expect(clonesOf(app, sample)).toEqual([]);
    expect((await tracesOf(other)).length).toBe(1);
  });
});

describe('by clone', () => {
  it('the call that it was made for goes, and with it the clone; others stay', async () => {
    const { call, sample, voiceId } = await wholeCall();
    const other = await wholeCall();
    const planned = await plan({ voiceId });
    expect(planned.erasures.map(({ conversation_id }) => conversation_id)).toEqual([call.conversation_id]);
    expect(planned.voiceIds).toEqual([]); // of a call that is known
    expect((await eraseCalls(context(), planned.erasures)).left).toEqual([]);
    expect(clonesOf(app, sample)).toEqual([]);
    expect(await tracesOf(call)).toEqual([]);
    expect(clonesOf(app, other.sample)).toHaveLength(1);
  });

  it('one that no call is known of is deleted, but for a voice that the app has not made', async () => {
    const ours = app.api.state.addVoice({ name: 'ours', labels: { made_by: MADE_BY } });
    const theirs = app.api.state.addVoice({ name: 'theirs', labels: {} });
    const planned = await plan({ voiceId: ours.voice_id });
    expect([planned.erasures, planned.voiceIds]).toEqual([[], [ours.voice_id]]);
    const left = await eraseLooseClones(context(), [ours.voice_id, theirs.voice_id, 'voice_that_is_gone']);
    expect(left).toEqual([`${theirs.voice_id}: ${theirs.voice_id} is not a clone of this app, and was not touched`]);
    expect([...app.api.state.voices.keys()]).toContain(theirs.voice_id);
    expect([...app.api.state.voices.keys()]).not.toContain(ours.voice_id);
  });

  it('one that a call uses just now stays, and so does every one without a key', async () => {
    const call = newCallOfAgent(app);
    const sample = newSample();
    const { json } = await sendPreCall(app, jsonRequest(metadataOf(call), sample));
    const voiceId = String(json['voice_id']);
    expect(await eraseLooseClones(context(), [voiceId])).toEqual([`${voiceId}: a call uses the clone ${voiceId}`]);
    const without = { ...context(), elevenLabs: undefined };
    expect(await eraseLooseClones(without, [voiceId])).toEqual([`${voiceId}: needs a key`]);
    expect(clonesOf(app, sample)).toHaveLength(1);
  });
});

describe('an erasure that cannot be finished', () => {
  async function isFinishedAfterItsLease(call: CallIds, sample: Buffer) {
    app.clock.aheadMs = 16 * 60_000;
    await sweepOn(instance);
    await sweepOn(instance);
    expect(clonesOf(app, sample)).toEqual([]);
    expect(await tracesOf(call)).toEqual([]);
  }

  it('because another call has the same clone leaves that to it, and is finished when it has ended', async () => {
    const { call, sample } = await wholeCall();
    const other = newCallOfAgent(app);
    await sendPreCall(app, jsonRequest(metadataOf(other), sample));
    const { left } = await erase({ conversationId: call.conversation_id });
    expect(left[0]).toMatchObject({
      step: 'voices',
      reason: expect.stringContaining('another call uses the same clone'),
    });
    expect(clonesOf(app, sample)).toHaveLength(1);
    await isFinishedAfterItsLease(call, sample);
  });

  it('while the call runs: its clone waits until the lease has ended, and sweep deletes it', async () => {
    const call = newCallOfAgent(app);
    const sample = newSample();
    await sendPreCall(app, jsonRequest(metadataOf(call), sample));
    const { left } = await erase({ conversationId: call.conversation_id });
    expect(left.map(({ step }) => step)).toEqual(['voices', 'state']);
    await sweepOn(instance);
    expect(clonesOf(app, sample)).toHaveLength(1);
    await isFinishedAfterItsLease(call, sample);
  });

  it('is a warning in health after a day, and makes nothing red', async () => {
    const { call } = await wholeCall();
    const { erasures } = await plan({ conversationId: call.conversation_id }, true);
    await eraseCalls(context(), erasures);
    app.clock.aheadMs = 26 * 3_600_000;
    const health = await instance.health.ofApp();
    expect(health).toMatchObject({
      status: 'healthy',
      erasures: { status: 'warning', unfinished: expect.any(Number) },
    });
  });

  it('for want of a key is named, and finished with one', async () => {
    const { call, sample } = await wholeCall();
    const { erasures } = await plan({ conversationId: call.conversation_id });
    const { left } = await eraseCalls({ ...context(), elevenLabs: undefined }, erasures);
    expect(left[0]).toMatchObject({ step: 'voices', reason: expect.stringContaining('needs a key') });
    expect(clonesOf(app, sample)).toHaveLength(1);
    await sweepOn(instance);
    expect(clonesOf(app, sample)).toEqual([]);
    expect(await tracesOf(call)).toEqual([]);
  });

  it.each([2, 4, 8, 13, 20])('that died after %i requests is finished by sweep', async (most) => {
    const { call, sample } = await wholeCall();
    const { erasures } = await plan({ conversationId: call.conversation_id });
    const real = context();
    let requests = 0;
    const storage = {
      until: real.storage.until.bind(real.storage),
      attempt: ((...args: Parameters<typeof real.storage.attempt>) => {
        if (++requests > most) throw new Error('died');
        return real.storage.attempt(...args);
      }) as typeof real.storage.attempt,
    };
    const died = await eraseCalls({ ...real, storage }, erasures).then(
      ({ left }) => left.length > 0,
      () => true,
    );
    expect(died).toBe(true);
    await sweepOn(instance);
    expect(await tracesOf(call)).toEqual([]);
    expect(clonesOf(app, sample)).toEqual([]);
  });
});

it('what came back of an erased call, sweep erases again', async () => {
  const { call } = await wholeCall();
  await erase({ conversationId: call.conversation_id });
  const { container, prefix } = context().areas.transcripts;
  const name = `${prefix}${call.agent_id}/${call.conversation_id}.json`;
  const restored = Buffer.from(JSON.stringify(withNumber(call)));
  await app.context.blobs.getContainerClient(container).getBlockBlobClient(name).upload(restored, restored.length);
  const lines = await sweepOn(instance);
  expect(lines.join('\n')).toContain('came back');
  expect(await tracesOf(call)).toEqual([]);
});

it('with --elevenlabs the conversation there needs the operator', async () => {
  const { call } = await wholeCall();
  const { erasures } = await plan({ conversationId: call.conversation_id }, true);
  const { left } = await eraseCalls(context(), erasures);
  expect(left).toMatchObject([
    { step: 'conversation', reason: expect.stringContaining('ELEVENLABS_OPERATOR_API_KEY') },
  ]);
  expect(await tracesOf(call)).toEqual([]);
});
