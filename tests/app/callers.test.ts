import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CallerDirectory } from '../../src/lib/callers/directory.ts';
import { eraseCalls } from '../../src/lib/calls/eraseCalls.ts';
import { eraseLooseClones } from '../../src/lib/calls/eraseClones.ts';
import type { EraseContext } from '../../src/lib/calls/eraseContext.ts';
import type { ErasureRequest } from '../../src/lib/calls/erasureRequest.ts';
import { planErasure } from '../../src/lib/calls/planErasure.ts';
import { callOf } from '../../src/lib/preCall/context.ts';
import type { Services } from '../../src/lib/services.ts';
import {
  clonesOf,
  jsonRequest,
  metadataOf,
  newCallOfAgent,
  newSample,
  openInstance,
  type PreCallApp,
  sendPreCall,
  startInstances,
  sweepOn,
} from '../support/preCallContext.ts';

const DAY_MS = 24 * 3_600_000;

let app: PreCallApp;
let instance: Services;
let directory: CallerDirectory;
beforeAll(async () => {
  app = await startInstances(1, {
    CALLERS_STORAGE_PATH: `callers-${randomUUID().slice(0, 8)}/eu`,
    CALLERS_DEFAULT_COUNTRY: 'NL',
    REMEMBER_CALLERS: 'true',
    VOICE_SLOTS_RESERVE: '1',
  });
  instance = app.instances[0] as Services;
  directory = instance.callers as CallerDirectory;
});
afterAll(() => app.close());
afterEach(() => {
  app.clock.aheadMs = 0;
  app.api.state.voiceLimit = 1000;
  app.api.clearFaults();
});

let numbers = 0;
const newNumber = () => `+316123${String(++numbers).padStart(5, '0')}`;
const find = (number: string, agentId = 'agent_1') => directory.find([number], agentId, AbortSignal.timeout(10_000));

/** A call that asks to be remembered, unless something else is said. */
async function call(number: string, more: Record<string, unknown> = {}, sample = newSample()) {
  const ids = newCallOfAgent(app);
  const caller_metadata = { name: 'Ivan', phone_number: number, remember: true, ...more };
  const answer = await sendPreCall(app, jsonRequest(metadataOf(ids, { caller_metadata }), sample));
  expect(answer.json).toMatchObject({ status: 'success' });
  return { ids, sample, voiceId: String(answer.json['voice_id']) };
}

describe('a caller who agrees', () => {
  it('is known the next time by name and voice, in every form of the number, and not by the names of blobs', async () => {
    const number = newNumber();
    const { voiceId } = await call(number.replace('+31', '0'));
    const found = await find(`sip:${number}@example.com`);
    const expires_at = expect.stringMatching(/^20\d\d-/);
    const record = { number, name: 'Ivan', voice_id: voiceId, source: 'pre-call', expires_at };
    expect(found).toMatchObject({ isKnown: true, record });
    const stored = await app.context.storedIn(directoryArea().container);
    expect(stored.map(({ path }) => path).join()).not.toContain(number.slice(1));
    expect(JSON.stringify(app.context.lines)).toContain('remembered=new');
  });

  it('is forgotten after a year, and then the voice may go', async () => {
    const number = newNumber();
    await call(number);
    app.clock.aheadMs = 364 * DAY_MS;
    await sweepOn(instance);
    expect(await find(number)).toMatchObject({ isKnown: true });
    app.clock.aheadMs = 366 * DAY_MS;
    expect(await find(number)).toMatchObject({ isKnown: false, misses: [{ reason: 'expired' }] });
    await sweepOn(instance);
    expect(await find(number)).toMatchObject({ isKnown: false, misses: [{ reason: 'none' }] });
  });

  it.each([
    ['does not', { remember: false }],
    ['says yes in other words', { remember: 'true' }],
    ['says nothing', { remember: undefined }],
  ])('is another than one who %s: who is not remembered', async (_who, more) => {
    const number = newNumber();
    await call(number, more);
    expect(await find(number)).toMatchObject({ isKnown: false });
  });
});

describe('a voice of the directory', () => {
  it('is not deleted for the reserve, nor as an orphan, until its entry has lost it', async () => {
    const number = newNumber();
    const { sample, voiceId } = await call(number);
    app.clock.aheadMs = 8 * DAY_MS; // the call is over, and even forgotten
    await sweepOn(instance);
    app.api.state.voiceLimit = app.api.state.voices.size;
    await sweepOn(instance);
    expect(clonesOf(app, sample)).toHaveLength(1);
    await directory.change(await directory.hashOf(number), () => 'remove');
    app.api.state.voiceLimit = 1;
    await sweepOn(instance);
    expect(clonesOf(app, sample)).toEqual([]);
    expect(voiceId).not.toBe('');
  });

  it('that somebody has deleted at ElevenLabs no call asks for after the next sweep', async () => {
    const number = newNumber();
    const { voiceId } = await call(number);
    app.api.state.voices.delete(voiceId);
    const lines = await sweepOn(instance);
    expect(await find(number)).toMatchObject({ isKnown: true, record: { name: 'Ivan' } });
    expect(await find(number)).not.toHaveProperty('record.voice_id');
    expect(lines.join('\n')).toContain('voice gone');
  });
});

it('a setting of the directory that is wrong shows in health, costs no delivery, and no voice is deleted meanwhile', async () => {
  const { sample } = await call(newNumber(), { remember: false });
  const wrong = openInstance(app, { settings: { CALLERS_DEFAULT_COUNTRY: 'Netherlands' } });
  expect(await wrong.health.ofApp()).toMatchObject({
    status: 'healthy',
    callers: { status: 'not configured', settings: ['CALLERS_DEFAULT_COUNTRY'] },
  });
  app.clock.aheadMs = 8 * DAY_MS;
  app.api.state.voiceLimit = 1;
  expect((await sweepOn(wrong)).join('\n')).toContain('its voices are not known');
  expect(clonesOf(app, sample)).toHaveLength(1);
});

describe('erasing', () => {
  function context(): EraseContext {
    const { erasing } = instance;
    if (erasing === undefined) throw new Error('not configured');
    const signal = AbortSignal.timeout(60_000);
    const work = { id: 'erase-test', signal, endsAtMs: performance.now() + 60_000, log: { write: () => {} } };
    return { ...erasing, operator: undefined, work };
  }
  async function erase(request: ErasureRequest) {
    const here = context();
    const elevenLabs = here.elevenLabs && { client: here.elevenLabs, call: callOf(here.work) };
    const plan = await planErasure({ ...here, elevenLabs, withConversation: false }, request);
    const { left } = await eraseCalls(context(), plan.erasures);
    return { plan, left: [...left, ...(await eraseLooseClones(context(), plan.voiceIds))] };
  }

  it('a conversation removes the entry of its caller, whom only pre-call knows', async () => {
    const number = newNumber();
    const { ids, sample } = await call(number);
    app.clock.aheadMs = 16 * 60_000; // the lease has ended
    const { left } = await erase({ conversationId: ids.conversation_id });
    expect(left).toEqual([]);
    expect(await find(number)).toMatchObject({ isKnown: false, misses: [{ reason: 'none' }] });
    expect(clonesOf(app, sample)).toEqual([]);
  });

  it('a conversation stays erased when the switch delivers it again', async () => {
    const number = newNumber();
    const { ids, sample } = await call(number);
    app.clock.aheadMs = 16 * 60_000;
    await erase({ conversationId: ids.conversation_id });
    const caller_metadata = { name: 'Ivan', phone_number: number, remember: true };
    await sendPreCall(app, jsonRequest(metadataOf(ids, { caller_metadata }), sample));
    expect(await find(number)).toMatchObject({ isKnown: false });
  });

  it('a number removes its entry, also without any call', async () => {
    const number = newNumber();
    const hash = await directory.hashOf(number);
    const updated_at = '2026-11-26T10:00:00Z';
    await directory.change(hash, () => ({ number, name: 'Jan', source: 'operator', updated_at }));
    const { plan } = await erase({ number });
    expect(plan.callers).toEqual([hash]);
  });

  it('a voice takes it out of every entry that names it before it is deleted', async () => {
    const number = newNumber();
    const { voiceId, sample } = await call(number);
    const other = newNumber();
    const updated_at = '2026-11-26T10:00:00Z';
    const shared = { number: other, name: 'Jan', voice_id: voiceId, source: 'operator', updated_at };
    await directory.change(await directory.hashOf(other), () => shared);
    app.clock.aheadMs = 16 * 60_000;
    const { plan, left } = await erase({ voiceId });
    expect(left).toEqual([]);
    expect(clonesOf(app, sample)).toEqual([]);
    expect(plan.callers).toEqual([await directory.hashOf(number)]);
    expect(await find(other)).toMatchObject({ isKnown: true, record: { name: 'Jan' } });
    expect(await find(other)).not.toHaveProperty('record.voice_id');
  });

  it('a voice that the app has not made leaves it, and the entries that name it', async () => {
    const number = newNumber();
    const { voiceId } = await call(number, { remember: false });
    const updated_at = '2026-11-26T10:00:00Z';
    await directory.change(await directory.hashOf(number), () => ({
      number,
      voice_id: voiceId,
      source: 'operator',
      updated_at,
    }));
    const voice = app.api.state.voices.get(voiceId);
    if (voice === undefined) throw new Error('not cloned');
    app.api.state.voices.set(voiceId, { ...voice, labels: {} });
    expect(await eraseLooseClones(context(), [voiceId])).toEqual([expect.stringContaining('not a clone of this app')]);
    expect(await find(number)).toMatchObject({ record: { voice_id: voiceId } });
  });
});

function directoryArea() {
  const { settings } = instance.configuration.callers;
  if (settings === undefined) throw new Error('not configured');
  return settings.path;
}
