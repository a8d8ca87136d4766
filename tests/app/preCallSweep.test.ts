import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Services } from '../../src/lib/services.ts';
import { audioEvent, now, send, transcription } from '../support/context.ts';
import {
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
  startInstances,
  sweepOn,
} from '../support/preCallContext.ts';

const LEASE_MS = 15 * MINUTE_MS;
const OWN = { voiceId: OWN_VOICE, firstMessage: OWN_GREETING };

let app: PreCallApp;
beforeAll(async () => {
  app = await startInstances(1);
});
afterAll(() => app.close());
afterEach(() => {
  app.api.clearFaults();
  app.clock.aheadMs = 0;
});

let installations = 0;

/** An installation of its own, so that the sweep of one test sees nothing of another. */
function install(settings: Record<string, string> = {}): Services {
  const path = `${app.containers.state}/installation-${++installations}`;
  const instance = openInstance(app, { settings: { PRECALL_STATE_STORAGE_PATH: path, ...settings } });
  app.instances = [instance];
  return instance;
}

/** One caller who has got voice and greeting. */
async function lease({ call = newCallOfAgent(app), sample = newSample(), name = 'Ivan' } = {}) {
  const answer = await sendPreCall(app, jsonRequest(metadataOf(call, { caller_metadata: { name } }), sample));
  expect(answer.json).toMatchObject({ status: 'success', agent_updated: true });
  const leased = { voiceId: String(answer.json['voice_id']), firstMessage: `Hallo ${name}, fijn dat je belt!` };
  expect(app.api.state.agentNow(call.agent_id)).toEqual(leased);
  return { call, sample, answer, voiceId: leased.voiceId, leased };
}

const agentNow = ({ agent_id }: { agent_id: string }) => app.api.state.agentNow(agent_id);
const voiceIds = () => [...app.api.state.voices.keys()];
const post = (event: object) => send(app.context, JSON.stringify(event));

describe('a lease ends', () => {
  const failed = (call: object) => ({
    type: 'call_initiation_failure',
    event_timestamp: now(),
    data: { ...call, failure_reason: 'busy' },
  });
  it.each<[string, (call: { agent_id: string; conversation_id: string }) => object]>([
    ['transcript', (call) => transcription(call)],
    ['recording', (call) => audioEvent(Buffer.from('sound'), call)],
    ['failure', failed],
  ])('when the %s of the call is stored, and the agent gets back what is its own', async (_name, event) => {
    const instance = install();
    const { call, leased } = await lease();
    await sweepOn(instance);
    expect(agentNow(call)).toEqual(leased);
    expect((await post(event(call))).status).toBe(200);
    expect(agentNow(call)).toEqual(leased);
    const lines = await sweepOn(instance);
    expect(agentNow(call)).toEqual(OWN);
    expect(lines.filter((line) => line.includes('agent restored'))).toHaveLength(1);
  });

  it('not by the transcript of another call of the same agent', async () => {
    const instance = install();
    const { call, leased } = await lease();
    await post(transcription({ ...call, conversation_id: 'conv_another' }));
    await sweepOn(instance);
    expect(agentNow(call)).toEqual(leased);
  });

  it('after its minutes at the latest, and not before', async () => {
    const instance = install({ VOICE_LEASE_MINUTES: '30' });
    const { call, leased } = await lease();
    app.clock.aheadMs = 29 * MINUTE_MS;
    await sweepOn(instance);
    expect(agentNow(call)).toEqual(leased);
    app.clock.aheadMs = 30 * MINUTE_MS;
    await sweepOn(instance);
    expect(agentNow(call)).toEqual(OWN);
  });

  it('once, even when the sweep runs five times at once on instances of their own', async () => {
    const settings = { PRECALL_STATE_STORAGE_PATH: `${app.containers.state}/five`, VOICE_CLONE_AUTO_DELETE: 'true' };
    const sweepers = Array.from({ length: 5 }, () => openInstance(app, { settings }));
    app.instances = sweepers;
    const { call, voiceId } = await lease();
    app.clock.aheadMs = LEASE_MS;
    const before = app.api.state.requests.length;
    const lines = (await Promise.all(sweepers.map(sweepOn))).flat();
    expect(lines.filter((line) => /ERROR|"outcome":"failed"/.test(line))).toEqual([]);
    expect(agentNow(call)).toEqual(OWN);
    expect(app.api.state.requests.slice(before).filter(({ method }) => method === 'PATCH')).toHaveLength(1);
    await sweepOn(install(settings));
    expect(voiceIds()).not.toContain(voiceId);
    expect(agentNow(call)).toEqual(OWN);
  });

  it('and the same delivery that comes once more changes nothing', async () => {
    const instance = install();
    const { call, sample, answer } = await lease();
    app.clock.aheadMs = LEASE_MS;
    await sweepOn(instance);
    const again = await sendPreCall(app, jsonRequest(metadataOf(call, { caller_metadata: { name: 'Ivan' } }), sample));
    expect(again.json['voice_id']).toBe(answer.json['voice_id']);
    expect(agentNow(call)).toEqual(OWN);
  });

  it('while ElevenLabs is down: the next sweep gives back', async () => {
    const instance = install();
    const { call } = await lease();
    app.clock.aheadMs = LEASE_MS;
    app.api.fail({ kind: 'server-error', times: 100 });
    const lines = await sweepOn(instance);
    expect(lines.some((line) => line.startsWith('WARNING'))).toBe(true);
    app.api.clearFaults();
    app.clock.aheadMs += 5 * MINUTE_MS;
    await sweepOn(instance);
    expect(agentNow(call)).toEqual(OWN);
  });
});

describe('an agent with one caller after another', () => {
  it('gets back its own, not the first caller’s', async () => {
    const instance = install();
    const first = await lease({ name: 'Anna' });
    const second = await lease({ call: newCallOfAgent(app, first.call.agent_id), name: 'Ben' });
    await post(transcription(first.call));
    await sweepOn(instance);
    expect(agentNow(first.call)).toEqual(second.leased);
    await post(transcription(second.call));
    await sweepOn(instance);
    expect(agentNow(first.call)).toEqual(OWN);
  });

  it('can be leased again after it has got back its own', async () => {
    const instance = install();
    const first = await lease({ name: 'Anna' });
    await post(transcription(first.call));
    await sweepOn(instance);
    const second = await lease({ call: newCallOfAgent(app, first.call.agent_id), name: 'Ben' });
    await post(transcription(second.call));
    await sweepOn(instance);
    expect(agentNow(first.call)).toEqual(OWN);
  });
});

describe('an agent that somebody has changed since', () => {
  const change = (agentId: string, changed: { tts?: object; agent?: object }) => {
    const agent = app.api.state.agents.get(agentId) ?? {};
    const config = agent['conversation_config'] as { tts: object; agent: object };
    app.api.state.agents.set(agentId, {
      ...agent,
      conversation_config: {
        ...config,
        tts: { ...config.tts, ...changed.tts },
        agent: { ...config.agent, ...changed.agent },
      },
    });
  };
  it.each<[string, object]>([
    ['voice', { tts: { voice_id: 'voice_of_marketing' } }],
    ['greeting', { agent: { first_message: 'Merry Christmas!' } }],
  ])('in its %s is left as it is', async (_name, changed) => {
    const instance = install();
    const { call } = await lease();
    change(call.agent_id, changed);
    const standing = agentNow(call);
    app.clock.aheadMs = LEASE_MS;
    await sweepOn(instance);
    expect(agentNow(call)).toEqual(standing);
  });

  it('in the middle of a row of callers gets back what that somebody set', async () => {
    const instance = install();
    const first = await lease({ name: 'Anna' });
    change(first.call.agent_id, { tts: { voice_id: 'voice_new' }, agent: { first_message: 'New greeting' } });
    await lease({ call: newCallOfAgent(app, first.call.agent_id), name: 'Ben' });
    app.clock.aheadMs = LEASE_MS;
    await sweepOn(instance);
    expect(agentNow(first.call)).toEqual({ voiceId: 'voice_new', firstMessage: 'New greeting' });
  });

  it('by deleting it keeps nothing else from being done', async () => {
    const instance = install();
    const gone = await lease();
    const other = await lease();
    app.api.state.agents.delete(gone.call.agent_id);
    app.clock.aheadMs = LEASE_MS;
    await sweepOn(instance);
    expect(agentNow(other.call)).toEqual(OWN);
    const lines = await sweepOn(instance);
    expect(lines.filter((line) => /^(INFO|WARNING)/.test(line) && !line.includes('"what":"run"'))).toEqual([]);
  });
});

describe('clones', () => {
  it('stay for the returning caller unless they are to be deleted', async () => {
    const instance = install();
    const { voiceId } = await lease();
    app.clock.aheadMs = 2 * LEASE_MS;
    await sweepOn(instance);
    expect(voiceIds()).toContain(voiceId);
  });

  it('are deleted with their lease by auto-delete, and the caller gets a new one next time', async () => {
    const instance = install({ VOICE_CLONE_AUTO_DELETE: 'true' });
    const { call, sample, voiceId } = await lease();
    await sweepOn(instance);
    expect(voiceIds()).toContain(voiceId);
    await post(transcription(call));
    await sweepOn(instance);
    expect(voiceIds()).not.toContain(voiceId);
    const again = await lease({ sample });
    expect(clonesOf(app, sample).map(({ voice_id }) => voice_id)).toEqual([again.voiceId]);
  });

  it('are not deleted while another call of the same caller runs, but after it', async () => {
    const instance = install({ VOICE_CLONE_AUTO_DELETE: 'true' });
    const first = await lease();
    const second = await lease({ sample: first.sample });
    await post(transcription(first.call));
    await sweepOn(instance);
    expect(voiceIds()).toContain(second.voiceId);
    expect(agentNow(second.call)).toEqual(second.leased);
    await post(transcription(second.call));
    await sweepOn(instance);
    expect(voiceIds()).not.toContain(second.voiceId);
  });

  it('are deleted by a later sweep when ElevenLabs was down', async () => {
    const instance = install({ VOICE_CLONE_AUTO_DELETE: 'true' });
    const { call, voiceId } = await lease();
    await post(transcription(call));
    app.api.fail({ kind: 'server-error', method: 'DELETE', times: 3 });
    await sweepOn(instance);
    expect(voiceIds()).toContain(voiceId);
    app.clock.aheadMs = 5 * MINUTE_MS;
    await sweepOn(instance);
    expect(voiceIds()).not.toContain(voiceId);
  });

  it('that somebody has deleted already count as deleted', async () => {
    const instance = install({ VOICE_CLONE_AUTO_DELETE: 'true' });
    const { call, voiceId } = await lease();
    app.api.state.voices.delete(voiceId);
    await post(transcription(call));
    expect((await sweepOn(instance)).filter((line) => line.startsWith('WARNING'))).toEqual([]);
  });
});

describe('voices without a state', () => {
  const age = (minutes: number) => Math.floor((Date.now() - minutes * MINUTE_MS) / 1000);
  const labelsOf = async (instance: Services, more: object = {}) => ({
    made_by: 'elevenlabs-webhook',
    installation: (await instance.preCall?.installation(instance.preCall.state)) ?? '',
    conversation: 'conv_gone',
    sample: '0'.repeat(32),
    expires_at: '1',
    ...more,
  });

  it('are deleted when they are ours and older than 15 minutes', async () => {
    const instance = install();
    const labels = await labelsOf(instance);
    const old = app.api.state.addVoice({ labels, created_at_unix: age(16) });
    const young = app.api.state.addVoice({ labels, created_at_unix: age(14) });
    await sweepOn(instance);
    expect(voiceIds()).not.toContain(old.voice_id);
    expect(voiceIds()).toContain(young.voice_id);
    app.clock.aheadMs = 2 * MINUTE_MS;
    await sweepOn(instance);
    expect(voiceIds()).not.toContain(young.voice_id);
  });

  it('are never touched when they are not ours', async () => {
    const instance = install({ VOICE_CLONE_AUTO_DELETE: 'true', VOICE_SLOTS_RESERVE: '5000' });
    const labels = await labelsOf(instance);
    const foreign = [
      { labels: {} },
      { labels: { made_by: 'elevenlabs-webhook' } },
      { labels: await labelsOf(instance, { installation: 'another' }) },
      { labels: await labelsOf(instance, { made_by: 'somebody' }) },
      { labels: await labelsOf(instance, { installation: `${labels.installation}0` }) },
      { labels, category: 'professional' },
    ].map((voice) => app.api.state.addVoice({ ...voice, created_at_unix: age(10_000) }).voice_id);
    app.clock.aheadMs = 60 * MINUTE_MS;
    await sweepOn(instance);
    expect(voiceIds()).toEqual(expect.arrayContaining(foreign));
  });

  it('are found on every page of the list', async () => {
    const instance = install();
    const labels = await labelsOf(instance);
    const orphans = Array.from({ length: 120 }, () => app.api.state.addVoice({ labels, created_at_unix: age(16) }));
    await sweepOn(instance);
    expect(voiceIds().filter((id) => orphans.some(({ voice_id }) => voice_id === id))).toEqual([]);
  });

  it('do not take a voice with them that a record knows', async () => {
    const instance = install();
    const { voiceId } = await lease();
    app.clock.aheadMs = 60 * MINUTE_MS;
    await sweepOn(instance);
    await sweepOn(instance);
    expect(voiceIds()).toContain(voiceId);
  });

  it('of a clone that was never finished are deleted when nobody delivers again', async () => {
    const instance = install();
    const sample = newSample();
    // The work is done, but its answer and every look for it fail.
    app.api.fail({ kind: 'answer-lost', path: '/v1/voices/add' });
    app.api.fail({ kind: 'server-error', path: '/v2/voices', times: 3 });
    expect((await sendPreCall(app, jsonRequest(metadataOf(newCallOfAgent(app)), sample))).status).toBe(503);
    expect(clonesOf(app, sample)).toHaveLength(1);
    app.clock.aheadMs = 16 * MINUTE_MS;
    await sweepOn(instance);
    app.clock.aheadMs = 32 * MINUTE_MS;
    await sweepOn(instance);
    expect(clonesOf(app, sample)).toEqual([]);
  });
});

describe('a reserve of free slots', () => {
  afterEach(() => {
    app.api.state.voiceLimit = 1000;
  });

  it('costs our oldest idle clones, and never one that a running call needs', async () => {
    const instance = install({ VOICE_SLOTS_RESERVE: '2' });
    const idle = [];
    for (let count = 0; count < 3; count++) idle.push(await lease());
    const [oldest, middle, youngest] = idle.map(({ voiceId }) => voiceId);
    for (const [at, id] of [middle, youngest, oldest].entries()) {
      const voice = app.api.state.voices.get(id ?? '');
      if (voice)
        app.api.state.voices.set(voice.voice_id, { ...voice, created_at_unix: now() - (at === 2 ? 900 : 500 - at) });
    }
    for (const { call } of idle) await post(transcription(call));
    const running = await lease();
    app.api.state.voiceLimit = app.api.state.slotsUsed;
    await sweepOn(instance);
    expect(voiceIds()).toContain(running.voiceId);
    expect(voiceIds()).toContain(youngest);
    expect(voiceIds()).not.toContain(oldest);
    expect(voiceIds()).not.toContain(middle);
    expect(agentNow(running.call)).toEqual(running.leased);
  });

  it('that cannot be reached is reported', async () => {
    const instance = install({ VOICE_SLOTS_RESERVE: '3' });
    const running = await lease();
    app.api.state.voiceLimit = app.api.state.slotsUsed + 1;
    const lines = await sweepOn(instance);
    expect(lines.find((line) => line.includes('reserve not reached'))).toMatch(/WARNING.*"missing":2/);
    expect(voiceIds()).toContain(running.voiceId);
  });

  it('is left alone while enough slots are free', async () => {
    const instance = install({ VOICE_SLOTS_RESERVE: '3' });
    const { call, voiceId } = await lease();
    await post(transcription(call));
    await sweepOn(instance);
    expect(voiceIds()).toContain(voiceId);
  });
});

describe('a caller who returns while the sweep is at work', () => {
  it('ends with a voice that exists, on an agent that has it', async () => {
    const instance = install({ VOICE_CLONE_AUTO_DELETE: 'true' });
    for (let round = 0; round < 5; round++) {
      const first = await lease();
      await post(transcription(first.call));
      const [second] = await Promise.all([
        lease({ sample: first.sample, call: newCallOfAgent(app, first.call.agent_id), name: 'Ivan' }),
        sweepOn(instance),
        sweepOn(instance),
      ]);
      expect(clonesOf(app, first.sample).map(({ voice_id }) => voice_id)).toEqual([second.voiceId]);
      await post(transcription(second.call));
      await sweepOn(instance);
      expect(agentNow(first.call)).toEqual(OWN);
      expect(clonesOf(app, first.sample)).toEqual([]);
    }
  });
});
