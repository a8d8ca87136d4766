import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Services } from '../../src/lib/services.ts';
import { type Answer, send, transcription } from '../support/context.ts';
import {
  addVoiceCalls,
  changesOf,
  clonesOf,
  MINUTE_MS,
  newCallOfAgent,
  newSample,
  OWN_GREETING,
  OWN_VOICE,
  sha256,
  sweepOn,
} from '../support/preCallContext.ts';
import { type HeldApp, startHeldApp } from '../support/preCallHold.ts';
import { until } from '../support/until.ts';

const OWN = { voiceId: OWN_VOICE, firstMessage: OWN_GREETING };
const LEASE_MS = 15 * MINUTE_MS;

let running: HeldApp;
let app: HeldApp['app'];
let hold: HeldApp['hold'];
beforeAll(async () => {
  running = await startHeldApp();
  ({ app, hold } = running);
});
afterAll(() => running.close());
afterEach(() => {
  hold.open();
  app.clock.aheadMs = 0;
});

const endCall = (call: { agent_id: string; conversation_id: string }) =>
  send(app.context, JSON.stringify(transcription(call)));
const agentNow = ({ agent_id }: { agent_id: string }) => app.api.state.agentNow(agent_id);
const stateOf = (name: string) => app.context.storedIn(app.containers.state, (path) => path.includes(name));

describe('a sample that is refused', () => {
  it('leaves nothing in the state, although the state has been looked at', async () => {
    const { held } = await running.install();
    const call = newCallOfAgent(app);
    const sample = newSample(0.05);
    hold.hold((what) => what.startsWith('GET'));
    expect((await running.deliver(held, call, sample)).status).toBe(400);
    await hold.arrival(2);
    hold.open();
    for (const name of [call.agent_id, call.conversation_id, sha256(sample)]) expect(await stateOf(name)).toEqual([]);
    expect(agentNow(call)).toEqual(OWN);
  });
});

describe('a returning caller whose voice the sweep deletes', () => {
  /** A caller whose call is over, so that the next sweep deletes the clone. */
  async function past(free: Services) {
    const sample = newSample();
    const call = newCallOfAgent(app);
    const { json } = await running.deliver(free, call, sample);
    await endCall(call);
    return { sample, voiceId: String(json['voice_id']) };
  }

  async function expectNewVoice(answering: Promise<Answer>, sample: Buffer, old: string) {
    const { json } = await answering;
    expect(json).toMatchObject({ status: 'success', agent_updated: true, voice_reused: false });
    expect(json['voice_id']).not.toBe(old);
    expect(clonesOf(app, sample).map(({ voice_id }) => voice_id)).toEqual([json['voice_id']]);
  }

  it('after it was seen and before the conversation is locked gets a new one', async () => {
    const { held, free } = await running.install({ VOICE_CLONE_AUTO_DELETE: 'true' });
    const { sample, voiceId } = await past(free);
    hold.hold((what) => what === 'PUT conversations');
    const answering = running.deliver(held, newCallOfAgent(app), sample);
    await hold.arrival();
    await sweepOn(free);
    expect(clonesOf(app, sample)).toEqual([]);
    hold.open();
    await expectNewVoice(answering, sample, voiceId);
  });

  it('in the middle of that, when ElevenLabs still has it, gets a new one, too', async () => {
    const { held, free } = await running.install({ VOICE_CLONE_AUTO_DELETE: 'true' });
    const { sample, voiceId } = await past(free);
    const isLock = (what: string) => what === 'PUT conversations';
    hold.hold(isLock);
    const answering = running.deliver(held, newCallOfAgent(app), sample);
    await hold.arrival();
    hold.hold((what) => what === 'ElevenLabs DELETE voice');
    const sweeping = sweepOn(held);
    await hold.arrival(2);
    hold.let(isLock);
    const looks = () => running.elevenLabs.requests.includes(`GET /v1/voices/${voiceId}`) || undefined;
    await until(looks);
    hold.open();
    await sweeping;
    await expectNewVoice(answering, sample, voiceId);
  });
});

describe('an agent that changes hands after it was seen', () => {
  it('and is given back in between keeps its own voice and greeting', async () => {
    const { held, free } = await running.install();
    const sample = newSample();
    await running.deliver(free, newCallOfAgent(app), sample);

    const late = newCallOfAgent(app);
    hold.hold((what) => what === 'PUT conversations');
    const answering = running.deliver(held, late, sample, 'Late');
    await hold.arrival();
    const other = newCallOfAgent(app, late.agent_id);
    expect((await running.deliver(free, other, newSample(), 'Other')).json['agent_updated']).toBe(true);
    hold.hold((what) => what === 'PUT agents');
    hold.let();
    await hold.arrival();
    await endCall(other);
    await sweepOn(free);
    expect(agentNow(late)).toEqual(OWN);

    hold.open();
    const { json } = await answering;
    expect(agentNow(late)).toEqual({ voiceId: json['voice_id'], firstMessage: 'Hallo Late, fijn dat je belt!' });
    app.clock.aheadMs = LEASE_MS + MINUTE_MS;
    await sweepOn(free);
    expect(agentNow(late)).toEqual(OWN);
  });

  it('waits for a delivery that is in the middle of its change', async () => {
    const { held, free } = await running.install();
    const sample = newSample();
    await running.deliver(free, newCallOfAgent(app), sample);
    const { agent_id } = newCallOfAgent(app);
    hold.hold((what) => what === 'ElevenLabs PATCH agent');
    const first = running.deliver(held, newCallOfAgent(app, agent_id), sample, 'First');
    await hold.arrival();
    hold.hold((what) => what === 'GET agents' || what === 'ElevenLabs PATCH agent');
    const second = running.deliver(held, newCallOfAgent(app, agent_id), sample, 'Second');
    for (let looks = 0; looks < 3; looks++) {
      await hold.expect('ElevenLabs PATCH agent', 'GET agents');
      hold.let((what) => what === 'GET agents');
    }
    hold.open();
    for (const { json } of await Promise.all([first, second])) expect(json['agent_updated']).toBe(true);
    expect(changesOf(app, agent_id).map(({ firstMessage }) => firstMessage)).toEqual([
      'Hallo First, fijn dat je belt!',
      'Hallo Second, fijn dat je belt!',
    ]);
  });

  it('is known as ours in whatever form ElevenLabs keeps a greeting', async () => {
    const { free } = await running.install();
    const elevenLabs = free.preCall?.elevenLabs;
    if (elevenLabs === undefined) throw new Error('not configured');
    const patch = elevenLabs.patchAgent.bind(elevenLabs);
    elevenLabs.patchAgent = ({ firstMessage, ...change }, call) =>
      patch({ ...change, firstMessage: firstMessage?.replace('!', '.') }, call);
    const sample = newSample();
    const { agent_id } = newCallOfAgent(app);
    for (let caller = 0; caller < 2; caller++) await running.deliver(free, newCallOfAgent(app, agent_id), sample);
    expect(agentNow({ agent_id }).firstMessage).toBe('Hallo Ivan, fijn dat je belt.');
    app.clock.aheadMs = LEASE_MS + MINUTE_MS;
    await sweepOn(free);
    expect(agentNow({ agent_id })).toEqual(OWN);
  });

  it('goes to eight returning callers at once, one after the other, and ends with its own', async () => {
    const { held, free } = await running.install();
    const callers = Array.from({ length: 8 }, (_, at) => ({ sample: newSample(), name: `Caller ${at}` }));
    for (const { sample } of callers) await running.deliver(free, newCallOfAgent(app), sample);
    const calls = addVoiceCalls(app);
    const { agent_id } = newCallOfAgent(app);
    // All of them have seen it free before the first one takes it.
    hold.hold((what) => what === 'PUT agents');
    const answering = callers.map(({ sample, name }) =>
      running.deliver(held, newCallOfAgent(app, agent_id), sample, name),
    );
    await hold.arrival(callers.length);
    hold.open();
    const answers = await Promise.all(answering);
    expect(addVoiceCalls(app)).toBe(calls);
    const pairs = answers.map(({ json }, at) => {
      expect(json).toMatchObject({ agent_updated: true, voice_reused: true });
      return { voiceId: json['voice_id'], firstMessage: `Hallo ${callers[at]?.name}, fijn dat je belt!` };
    });
    const changes = changesOf(app, agent_id);
    expect(changes).toHaveLength(pairs.length);
    expect(changes).toEqual(expect.arrayContaining(pairs));
    expect(agentNow({ agent_id })).toEqual(changes.at(-1));
    app.clock.aheadMs = LEASE_MS + MINUTE_MS;
    await sweepOn(free);
    expect(agentNow({ agent_id })).toEqual(OWN);
  });
});

describe('the record of an agent that has its own back', () => {
  it('says nothing of the caller, and is forgotten a quarter of an hour later', async () => {
    const { free } = await running.install();
    const call = newCallOfAgent(app);
    await running.deliver(free, call);
    await endCall(call);
    await sweepOn(free);
    const [record] = await stateOf(`agents/${call.agent_id}`);
    expect(JSON.parse(String(record?.bytes))).toEqual({ own: null, set: [], lease: null, claim: null });
    const asked = app.api.state.requests.length;
    await sweepOn(free);
    expect(await stateOf(`agents/${call.agent_id}`)).toHaveLength(1);
    app.clock.aheadMs = 16 * MINUTE_MS;
    await sweepOn(free);
    expect(await stateOf(`agents/${call.agent_id}`)).toEqual([]);
    expect(app.api.state.requests.slice(asked).filter(({ path }) => path.includes('/agents/'))).toEqual([]);
  });
});
