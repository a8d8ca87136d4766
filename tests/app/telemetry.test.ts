import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { audioEvent, type newCall, now, SECRET, type SendOptions, send, transcription } from '../support/context.ts';
import { type FaultProxy, startFaultProxy } from '../support/faultProxy.ts';
import {
  connectionStringTo,
  type Dependency,
  dependenciesIn,
  type Envelope,
  INSTRUMENTATION_KEY,
  type Ingestion,
  metricsIn,
  startIngestion,
} from '../support/ingestion.ts';
import {
  jsonRequest,
  metadataOf,
  newCallOfAgent,
  newSample,
  type PreCallApp,
  sendPreCall,
  startDeployedApp,
} from '../support/preCallContext.ts';

const MIB = 1024 * 1024;
const BLOCK_BYTES = 4 * MIB;
const CALLER = { name: 'Zebulon Quistworth', date_of_birth: '29.02.1936', phone_number: '+31698765432' };

interface Sent {
  readonly call: ReturnType<typeof newCall>;
  readonly operation: string;
  readonly parent: string;
  readonly bytes: number;
  readonly status: number;
}

let ingestion: Ingestion;
let storage: FaultProxy;
let app: PreCallApp;
let envelopes: Envelope[];
let transcripts: Sent[];
let first: Sent;
let recordings: Sent[];
let caller: Sent;

const newTrace = () => ({ operation: randomBytes(16).toString('hex'), parent: randomBytes(8).toString('hex') });

/** As the host hands it on: not sampled, although it keeps the request. */
const traceParent = ({ operation, parent }: Pick<Sent, 'operation' | 'parent'>) => `00-${operation}-${parent}-00`;

async function deliver(
  event: { type: string; data: ReturnType<typeof newCall> },
  options: SendOptions = {},
): Promise<Sent> {
  const trace = newTrace();
  const body = JSON.stringify(event);
  const { status } = await send(app.context, body, { headers: { traceparent: traceParent(trace) }, ...options });
  return { ...trace, call: event.data, bytes: Buffer.byteLength(body), status };
}

async function clone(): Promise<Sent> {
  const trace = newTrace();
  const call = newCallOfAgent(app);
  const request = jsonRequest(metadataOf(call, { caller_metadata: CALLER }), newSample());
  const { status } = await sendPreCall(app, request, { headers: { traceparent: traceParent(trace) } });
  return { ...trace, call, bytes: request.body.length, status };
}

// One run of the app, many deliveries at once; the end of the worker sends what is left. The tests look at what has come.
beforeAll(async () => {
  ingestion = await startIngestion();
  storage = await startFaultProxy(inject('storage'));
  app = await startDeployedApp({
    APPLICATIONINSIGHTS_CONNECTION_STRING: connectionStringTo(ingestion.url),
    CallStorage: storage.connectionString,
    LOG_LEVEL: 'ERROR',
  });
  const audio = randomBytes(BLOCK_BYTES + 1000);
  const repeated = transcription();
  [first] = await Promise.all([deliver(audioEvent(audio)), deliver(repeated)]); // and then there are containers
  [transcripts, recordings, caller] = await Promise.all([
    Promise.all(Array.from({ length: 30 }, () => deliver(transcription()))),
    Promise.all(Array.from({ length: 6 }, () => deliver(audioEvent(audio), { chunkBytes: 64 * 1024 }))),
    clone(),
  ]);
  await deliver(repeated);
  await deliver(transcription(), { secret: 'wsec_of_somebody_else' });
  await deliver(transcription(), { timestamp: now() - 3600 });
  await deliver({ ...transcription(), type: 'invented_type' });
  await app.close();
  envelopes = ingestion.envelopes();
});
afterAll(() => Promise.all([ingestion.close(), storage.close()]));

function metric(name: string, properties: Record<string, string>) {
  return metricsIn(envelopes).filter((each) => each.name === name && matches(each.properties, properties));
}

const matches = (all: Record<string, string>, some: Record<string, string>) =>
  Object.entries(some).every(([key, value]) => all[key] === value);

const tally = (lines: readonly string[], line: string) => lines.filter((each) => each === line).length;

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const total = (metrics: readonly { value: number }[]) => sum(metrics.map(({ value }) => value));
const count = (metrics: readonly { count: number }[]) => sum(metrics.map((each) => each.count));

it('took every delivery', () => {
  expect([...transcripts, ...recordings, caller].map(({ status }) => status)).toEqual(Array(37).fill(200));
});

describe('metrics', () => {
  it.each([
    [31, { event: 'post_call_transcription', outcome: 'stored' }],
    [1, { event: 'post_call_transcription', outcome: 'duplicate' }],
    [7, { event: 'post_call_audio', outcome: 'stored' }],
    [1, { event: 'unknown', outcome: 'refused', code: 'signature_mismatch' }],
    [1, { event: 'unknown', outcome: 'refused', code: 'timestamp_too_old' }],
    [1, { event: 'unknown', outcome: 'quarantined', code: 'unknown_type' }],
    [1, { event: 'pre_call', outcome: 'cloned' }],
    [43, {}],
  ])('count %i deliveries with %j, whatever LOG_LEVEL is', (expected, properties) => {
    expect(total(metric('deliveries', properties))).toBe(expected);
  });

  it('add up the bytes received', () => {
    const audio = { event: 'post_call_audio', outcome: 'stored' };
    expect(total(metric('delivery_bytes', audio))).toBe(sum([first, ...recordings].map(({ bytes }) => bytes)));
    expect(count(metric('delivery_bytes', audio))).toBe(7);
    expect(total(metric('delivery_bytes', { event: 'pre_call' }))).toBe(caller.bytes);
  });

  it('have the age of every signature whose header could be read and was young enough', () => {
    expect(count(metric('signature_age_s', {}))).toBe(42);
    for (const { min, max } of metric('signature_age_s', {})) {
      expect(min).toBeGreaterThanOrEqual(0);
      expect(max).toBeLessThan(600);
    }
  });

  it('have the time from proof to durable for what was kept, and for nothing else', () => {
    expect(count(metric('commit_ms', { event: 'post_call_audio', outcome: 'stored' }))).toBe(7);
    expect(count(metric('commit_ms', {}))).toBe(31 + 1 + 7 + 1);
    for (const { min } of metric('commit_ms', { event: 'post_call_audio' })) expect(min).toBeGreaterThan(0);
  });

  it('have the time of the one clone', () => {
    expect(count(metric('clone_ms', {}))).toBe(1);
  });
});

describe('dependencies', () => {
  const of = ({ operation }: Sent) => dependenciesIn(envelopes).filter((each) => each.operation === operation);

  it('of a transcript are one put, of its own operation and under the request that the host reports', () => {
    for (const sent of transcripts) {
      const path = `/devstoreaccount1/${app.context.containers.transcripts}/${sent.call.agent_id}/${sent.call.conversation_id}.json`;
      const puts = of(sent).filter(({ resultCode }) => resultCode === '201');
      expect(puts).toMatchObject([
        {
          name: 'PUT blob',
          type: 'Http',
          target: new URL(storage.url).host,
          data: storage.url + path,
          success: true,
          parent: sent.parent,
          duration: expect.stringMatching(/^(0\.)?00:00:\d\d\.\d+$/),
        },
      ]);
    }
  });

  it('of a recording are its blocks and its commit, however many come at once', () => {
    for (const sent of recordings) {
      const names = of(sent).map(({ name }) => name);
      const made = of(sent).filter(({ resultCode }) => resultCode.startsWith('2'));
      expect(new Set(of(sent).map(({ parent }) => parent))).toEqual(new Set([sent.parent]));
      expect(made.filter(({ name }) => name === 'PUT block').length).toBeGreaterThanOrEqual(2);
      expect(names.filter((name) => name === 'PUT blocklist')).toHaveLength(1);
      const foreign = of(sent).filter(({ data }) => /conv_/.test(data) && !data.includes(sent.call.conversation_id));
      expect(foreign).toEqual([]);
      expect(new Set(made.filter(({ name }) => name.startsWith('PUT block')).map(({ data }) => data)).size).toBe(1);
    }
  });

  it('of a caller are the calls to ElevenLabs and the records of their state', () => {
    const ofCaller = of(caller);
    const { host } = new URL(app.api.url);
    expect(ofCaller.filter(({ target }) => target === host)).toContainEqual(
      expect.objectContaining({
        name: 'POST /v1/voices/add',
        data: `${app.api.url}/v1/voices/add`,
        resultCode: '200',
        success: true,
        parent: caller.parent,
      }),
    );
    expect(ofCaller.some(({ data }) => data.includes(`/${app.containers.state}/`))).toBe(true);
  });

  it('are every request to the two services, each once', () => {
    const dependencies = dependenciesIn(envelopes);
    const toldOf = (each: Dependency) => `${each.name.split(' ')[0]} ${new URL(each.data).pathname}`;
    const asked = [...storage.requests, ...app.api.state.requests.map(({ method, path }) => `${method} ${path}`)];
    // On a busy machine a connection may break before the server has seen the request; it is told, too, without a status.
    const answered = dependencies.filter(({ resultCode }) => resultCode !== '0').map(toldOf);
    const paths = asked.map((line) => line.replace(/\?.*/, ''));
    for (const each of dependencies.filter(({ resultCode }) => resultCode === '0').map(toldOf)) {
      if (tally(paths, each) > tally(answered, each)) answered.push(each);
    }
    expect(answered.sort()).toEqual(paths.sort());
    expect(new Set(dependencies.map(({ id }) => id)).size).toBe(dependencies.length);
  });

  it('count a response that says what exists as a success', () => {
    const duplicate = dependenciesIn(envelopes).filter(({ resultCode }) => resultCode === '409');
    expect(duplicate.length).toBeGreaterThan(0);
    expect(duplicate.filter(({ success }) => !success)).toEqual([]);
  });
});

describe('what is sent', () => {
  it('is metrics of five names and dependencies: nothing that the host reports, and nothing of the library itself', () => {
    expect(new Set(envelopes.map(({ data }) => data.baseType))).toEqual(
      new Set(['MetricData', 'RemoteDependencyData']),
    );
    const names = ['deliveries', 'delivery_bytes', 'signature_age_s', 'commit_ms', 'clone_ms'];
    expect(new Set(metricsIn(envelopes).map(({ name }) => name))).toEqual(new Set(names));
    const dimensions = metricsIn(envelopes).flatMap(({ properties }) => Object.keys(properties));
    expect(new Set(dimensions)).toEqual(new Set(['event', 'outcome', 'code']));
    expect(dependenciesIn(envelopes).flatMap(({ properties }) => Object.keys(properties))).toEqual([]);
  });

  it('names the app as the host does, the version of its code, and nobody who called', () => {
    for (const { tags } of envelopes) {
      expect(tags['ai.cloud.role']).toBe('elevenlabs-webhook');
      expect(tags['ai.application.ver']).toMatch(/^(source|\d+\.\d+\.\d+.*)$/);
      expect(Object.keys(tags).filter((tag) => /user|session|location/.test(tag))).toEqual([]);
    }
  });

  it('holds no text of a call, no data of a caller, no key, secret, signature or query', () => {
    const all = ingestion.batches.map(({ path, headers, text }) => `${path} ${JSON.stringify(headers)} ${text}`).join();
    const apiKey = process.env['ELEVENLABS_API_KEY'] ?? '';
    const storageKey = /AccountKey=([^;]+)/.exec(inject('storage'))?.[1] ?? '';
    const forbidden = [
      'Hello?',
      ...Object.values(CALLER),
      'Zebulon',
      SECRET,
      apiKey,
      storageKey,
      'sig=',
      'comp=',
      'v0=',
    ];
    for (const text of forbidden) {
      expect(text).not.toBe('');
      expect(all).not.toContain(text);
    }
    expect(all).toContain(INSTRUMENTATION_KEY);
    expect(readFileSync('tests/support/context.ts', 'utf8')).toContain('Hello?');
  });
});
