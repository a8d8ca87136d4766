import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Services } from '../../src/lib/services.ts';
import { type FaultProxy, type HttpFaultProxy, startFaultProxy, startHttpFaultProxy } from './faultProxy.ts';
import { Hold } from './preCallHold.ts';
import {
  addVoiceCalls,
  changesOf,
  clonesOf,
  jsonRequest,
  MINUTE_MS,
  metadataOf,
  newCallOfAgent,
  newSample,
  OWN_GREETING,
  OWN_VOICE,
  openInstance,
  type PreCallApp,
  sendPreCall,
  sha256,
  startInstances,
  sweepOn,
} from './preCallWorld.ts';
import { send, transcription, until } from './world.ts';

const OWN = { voiceId: OWN_VOICE, firstMessage: OWN_GREETING };
const LEASE_MS = 15 * MINUTE_MS;

let app: PreCallApp;
let storage: FaultProxy;
let elevenLabs: HttpFaultProxy;
let hold: Hold;
beforeAll(async () => {
  app = await startInstances(1);
  storage = await startFaultProxy(inject('storage'));
  elevenLabs = await startHttpFaultProxy(new URL(app.api.url));
  hold = new Hold(storage, elevenLabs);
});
afterAll(async () => {
  await app.close();
  await storage.close();
  await elevenLabs.close();
});
afterEach(() => {
  hold.open();
  app.clock.aheadMs = 0;
});

let installations = 0;

/** Two instances of an installation of its own: one whose requests can be held, and one that nothing holds up. */
async function install(more: Record<string, string> = {}) {
  const settings = { PRECALL_STATE_STORAGE_PATH: `${app.containers.state}/ahead-${++installations}`, ...more };
  const through = { ...settings, CallStorage: storage.connectionString };
  const held = openInstance(app, { settings: through, apiUrl: elevenLabs.url });
  await held.preCall?.installation(); // what comes once in a process
  return { held, free: openInstance(app, { settings }) };
}

function deliver(instance: Services, call: object, sample = newSample(), name = 'Ivan') {
  app.instances = [instance];
  return sendPreCall(app, jsonRequest(metadataOf(undefined, { ...call, caller_metadata: { name } }), sample));
}

const endCall = (call: { agent_id: string; conversation_id: string }) =>
  send(app.world, JSON.stringify(transcription(call)));
const agentNow = ({ agent_id }: { agent_id: string }) => app.api.state.agentNow(agent_id);
const stateOf = (name: string) => app.world.storedIn(app.containers.state, (path) => path.includes(name));

describe('what waits for what', () => {
  const everything = () => true;

  it('a new caller, patch: five times for storage', async () => {
    const { held } = await install();
    hold.hold(everything);
    const answering = deliver(held, newCallOfAgent(app));
    await hold.wave('GET voices', 'GET agents', 'PUT conversations');
    await hold.wave('PUT voices');
    await hold.wave('ElevenLabs POST voice');
    await hold.wave('PUT voices');
    await hold.wave('ElevenLabs GET agent');
    await hold.wave('PUT agents');
    await hold.wave('ElevenLabs PATCH agent');
    await hold.wave('PUT agents', 'PUT conversations');
    expect((await answering).json).toMatchObject({ agent_updated: true, voice_reused: false });
  });

  it('a new caller, override: four times', async () => {
    const { held } = await install({ PRECALL_AGENT_UPDATE: 'override' });
    hold.hold(everything);
    const answering = deliver(held, newCallOfAgent(app));
    await hold.wave('GET voices', 'PUT conversations');
    await hold.wave('PUT voices');
    await hold.wave('ElevenLabs POST voice');
    await hold.wave('PUT voices');
    await hold.wave('PUT conversations');
    expect((await answering).json).toMatchObject({ agent_updated: false, voice_reused: false });
  });

  it.each(['an agent of its own', 'the agent of the call before'])(
    'a returning caller, patch, to %s: three times',
    async (which) => {
      const { held, free } = await install();
      const sample = newSample();
      const before = newCallOfAgent(app);
      await deliver(free, before, sample);
      hold.hold(everything);
      const answering = deliver(
        held,
        newCallOfAgent(app, which.startsWith('the') ? before.agent_id : undefined),
        sample,
      );
      await hold.wave('GET voices', 'GET agents', 'PUT conversations');
      await hold.wave('GET voices', 'ElevenLabs GET voice', 'ElevenLabs GET agent');
      await hold.wave('PUT agents');
      await hold.wave('ElevenLabs PATCH agent');
      await hold.wave('PUT agents', 'PUT conversations');
      expect((await answering).json).toMatchObject({ agent_updated: true, voice_reused: true });
    },
  );

  it('a returning caller, override: three times', async () => {
    const { held, free } = await install({ PRECALL_AGENT_UPDATE: 'override' });
    const sample = newSample();
    await deliver(free, newCallOfAgent(app), sample);
    hold.hold(everything);
    const answering = deliver(held, newCallOfAgent(app), sample);
    await hold.wave('GET voices', 'PUT conversations');
    await hold.wave('GET voices', 'ElevenLabs GET voice');
    await hold.wave('PUT conversations');
    expect((await answering).json).toMatchObject({ agent_updated: false, voice_reused: true });
  });

  it('a repeated delivery: twice', async () => {
    const { held, free } = await install();
    const call = newCallOfAgent(app);
    const sample = newSample();
    const first = await deliver(free, call, sample);
    hold.hold(everything);
    const answering = deliver(held, call, sample);
    await hold.wave('GET voices', 'GET agents', 'PUT conversations');
    await hold.wave('GET conversations');
    expect((await answering).json['voice_id']).toBe(first.json['voice_id']);
  });
});

describe('a sample that is refused', () => {
  it('leaves nothing in the state, although the state has been looked at', async () => {
    const { held } = await install();
    const call = newCallOfAgent(app);
    const sample = newSample(0.05);
    hold.hold((what) => what.startsWith('GET'));
    expect((await deliver(held, call, sample)).status).toBe(400);
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
    const { json } = await deliver(free, call, sample);
    await endCall(call);
    return { sample, voiceId: String(json['voice_id']) };
  }

  async function expectNewVoice(answering: ReturnType<typeof deliver>, sample: Buffer, old: string) {
    const { json } = await answering;
    expect(json).toMatchObject({ status: 'success', agent_updated: true, voice_reused: false });
    expect(json['voice_id']).not.toBe(old);
    expect(clonesOf(app, sample).map(({ voice_id }) => voice_id)).toEqual([json['voice_id']]);
  }

  it('after it was seen and before the conversation is claimed gets a new one', async () => {
    const { held, free } = await install({ VOICE_CLONE_AUTO_DELETE: 'true' });
    const { sample, voiceId } = await past(free);
    hold.hold((what) => what === 'PUT conversations');
    const answering = deliver(held, newCallOfAgent(app), sample);
    await hold.arrival();
    await sweepOn(free);
    expect(clonesOf(app, sample)).toEqual([]);
    hold.open();
    await expectNewVoice(answering, sample, voiceId);
  });

  it('in the middle of that, when ElevenLabs still has it, gets a new one, too', async () => {
    const { held, free } = await install({ VOICE_CLONE_AUTO_DELETE: 'true' });
    const { sample, voiceId } = await past(free);
    const isClaim = (what: string) => what === 'PUT conversations';
    hold.hold(isClaim);
    const answering = deliver(held, newCallOfAgent(app), sample);
    await hold.arrival();
    hold.hold((what) => what === 'ElevenLabs DELETE voice');
    const sweeping = sweepOn(held);
    await hold.arrival(2);
    hold.let(isClaim);
    const looks = () => elevenLabs.requests.includes(`GET /v1/voices/${voiceId}`) || undefined;
    await until(looks);
    hold.open();
    await sweeping;
    await expectNewVoice(answering, sample, voiceId);
  });
});

describe('an agent that changes hands after it was seen', () => {
  it('and is given back in between keeps its own voice and greeting', async () => {
    const { held, free } = await install();
    const sample = newSample();
    await deliver(free, newCallOfAgent(app), sample);

    const late = newCallOfAgent(app);
    hold.hold((what) => what === 'PUT conversations');
    const answering = deliver(held, late, sample, 'Late');
    await hold.arrival();
    const other = newCallOfAgent(app, late.agent_id);
    expect((await deliver(free, other, newSample(), 'Other')).json['agent_updated']).toBe(true);
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
    const { held, free } = await install();
    const sample = newSample();
    await deliver(free, newCallOfAgent(app), sample);
    const { agent_id } = newCallOfAgent(app);
    hold.hold((what) => what === 'PUT agents' || what === 'ElevenLabs PATCH agent');
    const first = deliver(held, newCallOfAgent(app, agent_id), sample, 'First');
    await hold.wave('PUT agents');
    await hold.expect('ElevenLabs PATCH agent');
    const second = deliver(held, newCallOfAgent(app, agent_id), sample, 'Second');
    for (let tries = 0; tries < 2; tries++) {
      await hold.expect('ElevenLabs PATCH agent', 'PUT agents');
      hold.let((what) => what === 'PUT agents');
    }
    hold.open();
    for (const { json } of await Promise.all([first, second])) expect(json['agent_updated']).toBe(true);
    expect(changesOf(app, agent_id).map(({ firstMessage }) => firstMessage)).toEqual([
      'Hallo First, fijn dat je belt!',
      'Hallo Second, fijn dat je belt!',
    ]);
  });

  it('is known as ours in whatever form ElevenLabs keeps a greeting', async () => {
    const { free } = await install();
    const elevenLabs = free.preCall?.elevenLabs;
    if (elevenLabs === undefined) throw new Error('not configured');
    const patch = elevenLabs.patchAgent.bind(elevenLabs);
    elevenLabs.patchAgent = ({ firstMessage, ...change }, call) =>
      patch({ ...change, firstMessage: firstMessage?.replace('!', '.') }, call);
    const sample = newSample();
    const { agent_id } = newCallOfAgent(app);
    for (let caller = 0; caller < 2; caller++) await deliver(free, newCallOfAgent(app, agent_id), sample);
    expect(agentNow({ agent_id }).firstMessage).toBe('Hallo Ivan, fijn dat je belt.');
    app.clock.aheadMs = LEASE_MS + MINUTE_MS;
    await sweepOn(free);
    expect(agentNow({ agent_id })).toEqual(OWN);
  });

  it('goes to eight returning callers at once, one after the other, and ends with its own', async () => {
    const { held, free } = await install();
    const callers = Array.from({ length: 8 }, (_, at) => ({ sample: newSample(), name: `Caller ${at}` }));
    for (const { sample } of callers) await deliver(free, newCallOfAgent(app), sample);
    const calls = addVoiceCalls(app);
    const { agent_id } = newCallOfAgent(app);
    // All of them have seen it free before the first one takes it.
    hold.hold((what) => what === 'PUT agents');
    const answering = callers.map(({ sample, name }) => deliver(held, newCallOfAgent(app, agent_id), sample, name));
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
    const { free } = await install();
    const call = newCallOfAgent(app);
    await deliver(free, call);
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
