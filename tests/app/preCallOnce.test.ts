import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../../tools/local/elevenlabs/faults.ts';
import type { Answer } from '../support/context.ts';
import {
  addVoiceCalls,
  changesOf,
  clonesOf,
  FORMS,
  jsonRequest,
  metadataOf,
  newCallOfAgent,
  newSample,
  openInstance,
  type PreCallApp,
  sendPreCall,
  startInstances,
} from '../support/preCallContext.ts';

let app: PreCallApp;
let instances: PreCallApp['instances'];
beforeAll(async () => {
  app = await startInstances(3);
  instances = app.instances;
});
afterAll(() => app.close());
afterEach(() => {
  app.api.clearFaults();
  app.instances = instances;
});

const caller = (name: string) => ({ caller_metadata: { name } });
const statuses = (answers: Answer[]) => answers.map(({ status }) => status);
const times = <T>(count: number, make: (at: number) => T) => Array.from({ length: count }, (_, at) => make(at));

/** An answer without what may differ between two of the same delivery. */
function facts({ status, json: { processing_time_ms, ...rest } }: Answer) {
  expect(processing_time_ms).toEqual(expect.any(Number));
  return { status, ...rest };
}

describe.each(FORMS)('the same conversation as %s', (_form, request) => {
  it('delivered again gets the same answer, and ElevenLabs is asked for the name of the voice alone', async () => {
    const call = newCallOfAgent(app);
    const made = request(metadataOf(call), newSample());
    const first = await sendPreCall(app, made);
    expect(first.status).toBe(200);
    const asked = app.api.state.requests.length;
    for (let again = 0; again < 4; again++) expect(facts(await sendPreCall(app, made))).toEqual(facts(first));
    const path = `/v1/voices/${first.json['voice_id']}`;
    expect(app.api.state.requests.slice(asked)).toMatchObject(times(4, () => ({ method: 'GET', path })));
  });

  it('delivered ten times at once to three instances is one clone, one change of the agent and one answer', async () => {
    const call = newCallOfAgent(app);
    const sample = newSample();
    const calls = addVoiceCalls(app);
    const made = request(metadataOf(call), sample);
    const answers = await Promise.all(times(10, () => sendPreCall(app, made)));
    expect(clonesOf(app, sample)).toHaveLength(1);
    expect(addVoiceCalls(app) - calls).toBe(1);
    expect(changesOf(app, call.agent_id)).toHaveLength(1);
    expect(new Set(answers.map((answer) => JSON.stringify(facts(answer)))).size).toBe(1);
    expect(answers[0]?.json).toMatchObject({ status: 'success', voice_id: clonesOf(app, sample)[0]?.voice_id });
  });
});

describe('a returning caller', () => {
  it('keeps the voice: no clone call', async () => {
    const sample = newSample();
    const first = await sendPreCall(app, jsonRequest(metadataOf(newCallOfAgent(app)), sample));
    const calls = addVoiceCalls(app);
    const again = newCallOfAgent(app);
    const second = await sendPreCall(app, jsonRequest(metadataOf(again), sample));
    expect(second.json).toMatchObject({
      status: 'success',
      voice_id: first.json['voice_id'],
      voice_name: first.json['voice_name'],
      voice_reused: true,
      agent_updated: true,
    });
    expect(addVoiceCalls(app)).toBe(calls);
    expect(app.api.state.agentNow(again.agent_id).voiceId).toBe(first.json['voice_id']);
  });

  it('in ten calls at once shares one clone', async () => {
    const sample = newSample();
    const answers = await Promise.all(
      times(10, () => sendPreCall(app, jsonRequest(metadataOf(newCallOfAgent(app)), sample))),
    );
    expect(statuses(answers)).toEqual(times(10, () => 200));
    const clones = clonesOf(app, sample).map(({ voice_id }) => voice_id);
    expect(clones).toHaveLength(1);
    expect([...new Set(answers.map(({ json }) => json['voice_id']))]).toEqual(clones);
    expect(answers.filter(({ json }) => json['voice_reused'] === false)).toHaveLength(1);
  });

  it('whose voice somebody has deleted at ElevenLabs gets a new one', async () => {
    const sample = newSample();
    const first = await sendPreCall(app, jsonRequest(metadataOf(newCallOfAgent(app)), sample));
    app.api.state.voices.delete(String(first.json['voice_id']));
    const second = await sendPreCall(app, jsonRequest(metadataOf(newCallOfAgent(app)), sample));
    expect(second.json).toMatchObject({ status: 'success', voice_reused: false });
    expect(clonesOf(app, sample).map(({ voice_id }) => voice_id)).toEqual([second.json['voice_id']]);
  });
});

it('fifty different callers at once are fifty clones and fifty answers', async () => {
  const callers = times(50, (at) => ({ call: newCallOfAgent(app), sample: newSample(), name: `Caller ${at}` }));
  const calls = addVoiceCalls(app);
  const answers = await Promise.all(
    callers.map(({ call, sample, name }, at) => {
      const [, request] = FORMS[at % 2] ?? ['', jsonRequest];
      return sendPreCall(app, request(metadataOf(call, caller(name)), sample));
    }),
  );
  expect(addVoiceCalls(app) - calls).toBe(50);
  for (const [at, { call, sample, name }] of callers.entries()) {
    const [clone, ...more] = clonesOf(app, sample);
    expect(more).toEqual([]);
    expect(answers[at]?.json).toMatchObject({
      status: 'success',
      conversation_id: call.conversation_id,
      voice_id: clone?.voice_id,
      voice_name: clone?.name,
      agent_updated: true,
      voice_reused: false,
      caller_info: { Name: name },
    });
    expect(app.api.state.agentNow(call.agent_id)).toEqual({
      voiceId: clone?.voice_id,
      firstMessage: `Hallo ${name}, fijn dat je belt!`,
    });
  }
});

describe('a clone call that goes wrong ends in one clone', () => {
  it.each<[string, Fault, number]>([
    ['its answer is lost', { kind: 'answer-lost' }, 1],
    ['its answer breaks off', { kind: 'reset' }, 1],
    ['its answer is not valid JSON', { kind: 'not-json' }, 1],
    ['its answer comes after the time limit', { kind: 'slow', delayMs: 20_000 }, 1],
    ['a server error comes instead', { kind: 'server-error', status: 500 }, 2],
    ['a gateway gives up', { kind: 'server-error', status: 504 }, 2],
    ['ElevenLabs asks to come a second later', { kind: 'rate-limited', retryAfter: '1' }, 2],
  ])('when %s', async (_name, fault, calls) => {
    app.instances = [openInstance(app, { limits: { cloneHeadersMs: 1_000 } })];
    const call = newCallOfAgent(app);
    const sample = newSample();
    const before = addVoiceCalls(app);
    app.api.fail({ ...fault, path: '/v1/voices/add' });
    const request = jsonRequest(metadataOf(call), sample);
    const first = await sendPreCall(app, request);
    const answer = first.status === 200 ? first : await sendPreCall(app, request);
    const clones = clonesOf(app, sample);
    expect(clones).toHaveLength(1);
    expect(answer.json).toMatchObject({ status: 'success', voice_id: clones[0]?.voice_id, agent_updated: true });
    expect(addVoiceCalls(app) - before).toBe(calls);
  });

  it('when every answer is lost: each delivery looks before it clones again', async () => {
    const call = newCallOfAgent(app);
    const sample = newSample();
    app.api.fail({ kind: 'answer-lost', path: '/v1/voices/add', times: 100 });
    app.api.fail({ kind: 'server-error', path: '/v2/voices', times: 3 });
    const request = jsonRequest(metadataOf(call), sample);
    expect((await sendPreCall(app, request)).status).toBe(503);
    expect((await sendPreCall(app, request)).json).toMatchObject({ status: 'success', voice_reused: false });
    expect(clonesOf(app, sample)).toHaveLength(1);
  });

  it('when ten callers with the same sample wait for it', async () => {
    const sample = newSample();
    app.api.fail({ kind: 'answer-lost', path: '/v1/voices/add' });
    const answers = await Promise.all(
      times(10, () => sendPreCall(app, jsonRequest(metadataOf(newCallOfAgent(app)), sample))),
    );
    expect(statuses(answers)).toEqual(times(10, () => 200));
    expect(clonesOf(app, sample)).toHaveLength(1);
  });
});

describe('one conversation id for two callers', () => {
  const conflict = (conversation: string) => ({
    status: 'error',
    error_code: 'CONVERSATION_CONFLICT',
    reason: 'conversation_conflict',
    error_message: expect.stringMatching(/another agent or another sample/),
    conversation_id: conversation,
  });
  const post = (call: object, sample: Buffer, name = 'Ivan') =>
    sendPreCall(app, jsonRequest(metadataOf(undefined, { ...call, ...caller(name) }), sample));

  it.each(FORMS)('is 409 for the second one, and nothing of the first one is changed (%s)', async (_form, request) => {
    const call = newCallOfAgent(app);
    const sample = newSample();
    const first = await sendPreCall(app, request(metadataOf(call), sample));
    expect(first.status).toBe(200);
    const agents = [call.agent_id, newCallOfAgent(app).agent_id];
    const before = agents.map((id) => app.api.state.agentNow(id));
    for (const [agent_id, theirs] of [
      [agents[0], newSample()],
      [agents[1], sample],
      [agents[1], newSample()],
    ] as const) {
      const metadata = metadataOf(undefined, { ...call, agent_id, ...caller('Bob') });
      const answer = await sendPreCall(app, request(metadata, theirs));
      expect([answer.status, answer.json]).toEqual([409, conflict(call.conversation_id)]);
      if (theirs !== sample) expect(clonesOf(app, theirs)).toEqual([]);
    }
    expect(agents.map((id) => app.api.state.agentNow(id))).toEqual(before);
    expect(changesOf(app, call.agent_id)).toHaveLength(1);
    expect(facts(await sendPreCall(app, request(metadataOf(call), sample)))).toEqual(facts(first));
  });

  it('at once on three instances: one clone and one answer, 409 for all others', async () => {
    const call = newCallOfAgent(app);
    const samples = times(6, () => newSample());
    const answers = await Promise.all(samples.map((sample) => post(call, sample)));
    expect(statuses(answers).toSorted()).toEqual([200, 409, 409, 409, 409, 409]);
    const [clone, ...more] = samples.flatMap((sample) => clonesOf(app, sample));
    expect(more).toEqual([]);
    const answer = answers.find(({ status }) => status === 200);
    expect(answer?.json).toMatchObject({ voice_id: clone?.voice_id, voice_name: clone?.name });
    expect(changesOf(app, call.agent_id)).toHaveLength(1);
  });

  it.each<[string, (call: object) => Promise<Answer>]>([
    ['was too short', (call) => post(call, newSample(0.05))],
    [
      'was refused by ElevenLabs',
      (call) => {
        app.api.fail({ kind: 'slots-full', method: 'POST', times: 1 });
        return post(call, newSample());
      },
    ],
  ])('is not a conflict when the first sample %s: a better one may come', async (_name, refuse) => {
    const call = newCallOfAgent(app);
    expect((await refuse(call)).status).toBeGreaterThanOrEqual(400);
    const sample = newSample();
    expect((await post(call, sample)).json).toMatchObject({
      status: 'success',
      voice_id: clonesOf(app, sample)[0]?.voice_id,
    });
  });

  it('is not a conflict when only the name is another: the same answer again, with that name', async () => {
    const call = newCallOfAgent(app);
    const sample = newSample();
    const first = await post(call, sample, 'Ann');
    const second = await post(call, sample, 'Ann Smith');
    expect(facts(second)).toEqual({ ...facts(first), caller_info: { Name: 'Ann Smith' } });
    expect(changesOf(app, call.agent_id)).toHaveLength(1);
  });
});

describe('the name of the voice in the answer', () => {
  const named =
    (name: string) =>
    (sample: Buffer, call = newCallOfAgent(app)) =>
      sendPreCall(app, jsonRequest(metadataOf(call, caller(name)), sample));

  it('is the one at ElevenLabs, whoever asks under whatever name, and when the operator has changed it', async () => {
    const sample = newSample();
    const call = newCallOfAgent(app);
    const first = await named('Ann')(sample, call);
    expect(first.json['voice_name']).toMatch(/^Ann_Clone_/);
    const second = await named('Ben')(sample);
    expect(second.json).toMatchObject({ voice_name: first.json['voice_name'], voice_reused: true });
    const voice = clonesOf(app, sample)[0];
    if (voice === undefined) throw new Error('There is no clone');
    app.api.state.voices.set(voice.voice_id, { ...voice, name: 'renamed by the operator' });
    expect((await named('Cem')(sample)).json['voice_name']).toBe('renamed by the operator');
    expect((await named('Ann')(sample, call)).json['voice_name']).toBe('renamed by the operator');
  });

  it('is the one that a clone has which was found after its answer was lost', async () => {
    const sample = newSample();
    const call = newCallOfAgent(app);
    app.api.fail({ kind: 'answer-lost', path: '/v1/voices/add' });
    app.api.fail({ kind: 'server-error', path: '/v2/voices', times: 3 });
    expect((await named('Ann')(sample, call)).status).toBe(503);
    app.api.clearFaults();
    const found = await named('Ben')(sample, call);
    expect(found.json).toMatchObject({ status: 'success', voice_name: clonesOf(app, sample)[0]?.name });
    expect(found.json['voice_name']).toMatch(/^Ann_Clone_/);
  });

  it('is left out of a repeated answer when the voice is gone', async () => {
    const sample = newSample();
    const call = newCallOfAgent(app);
    const first = await named('Ann')(sample, call);
    app.api.state.voices.delete(String(first.json['voice_id']));
    const { voice_name, ...rest } = facts(first) as Record<string, unknown>;
    expect(voice_name).toMatch(/^Ann_Clone_/);
    expect(facts(await named('Ann')(sample, call))).toEqual(rest);
  });
});

describe('two callers for one agent at once', () => {
  it('never mix voice and greeting', async () => {
    const agentId = newCallOfAgent(app).agent_id;
    const names = times(8, (at) => `Caller ${at}`);
    const answers = await Promise.all(
      names.map((name) =>
        sendPreCall(app, jsonRequest(metadataOf(newCallOfAgent(app, agentId), caller(name)), newSample())),
      ),
    );
    expect(answers.map(({ json }) => json['agent_updated'])).toEqual(names.map(() => true));
    const pairs = answers.map(({ json }, at) => ({
      voiceId: json['voice_id'],
      firstMessage: `Hallo ${names[at]}, fijn dat je belt!`,
    }));
    const changes = changesOf(app, agentId);
    expect(changes).toHaveLength(pairs.length);
    expect(changes).toEqual(expect.arrayContaining(pairs));
    expect(app.api.state.agentNow(agentId)).toEqual(changes.at(-1));
  });

  it('are changed one after the other even when the change is slow', async () => {
    const agentId = newCallOfAgent(app).agent_id;
    app.api.fail({ kind: 'slow-work', method: 'PATCH', delayMs: 300 });
    const answers = await Promise.all(
      ['Anna', 'Ben'].map((name) =>
        sendPreCall(app, jsonRequest(metadataOf(newCallOfAgent(app, agentId), caller(name)), newSample())),
      ),
    );
    expect(statuses(answers)).toEqual([200, 200]);
    expect(app.api.state.agentNow(agentId)).toEqual(changesOf(app, agentId).at(-1));
  });
});
