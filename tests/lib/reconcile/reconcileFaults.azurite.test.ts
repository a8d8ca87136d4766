import { afterAll, afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { BLOCK_BYTES } from '../../../src/lib/storage/blockPool.ts';
import type { Fault } from '../../../tools/local/elevenlabs/faults.ts';
import {
  type FaultProxy,
  type HttpFaultProxy,
  startFaultProxy,
  startHttpFaultProxy,
} from '../../support/faultProxy.ts';
import { DAY, HOUR, type ReconcileApp, startReconcileApp } from '../../support/reconcileContext.ts';

let app: ReconcileApp;
let storage: FaultProxy;
let api: HttpFaultProxy;
beforeEach(async () => {
  app = await startReconcileApp();
  storage = await startFaultProxy(inject('storage'));
  api = await startHttpFaultProxy(new URL(app.api.url));
});
afterEach(async () => {
  await Promise.all([app.close(), storage.close(), api.close()]);
});

const nameOf = (area: string, id: string, extension: string) => `${area}/${app.agentId}/${id}.${extension}`;
const outcomes = (lines: Awaited<ReturnType<ReconcileApp['run']>>['lines']) =>
  lines
    .slice(0, -1)
    .map(({ fields }) => [fields['outcome'], fields['what'], fields['reason']].filter(Boolean).join(' '));

const expectWhole = (ids: readonly string[]) => app.expectWhole(ids);

describe('the key', () => {
  it.each<[string, Fault, string, RegExp]>([
    ['that ElevenLabs does not know', { kind: 'unauthorized' }, 'invalid_api_key', /ELEVENLABS_API_KEY/],
    ['without the permission (401)', { kind: 'missing-permission' }, 'missing_permission', /convai_read/],
    ['without the permission (403)', { kind: 'forbidden' }, 'missing_permission', /convai_read/],
  ])('%s ends the run, and the line says what to do', async (_name, fault, reason, hint) => {
    const id = app.call();
    app.api.fail({ ...fault, times: 1 });
    const { end, summary } = await app.run();
    expect(end.outcome).toBe('failed');
    expect(summary).toMatchObject({ outcome: 'failed', reason, hint: expect.stringMatching(hint) });
    expect(app.api.state.requests).toHaveLength(1);
    await app.run();
    await expectWhole([id]);
  });
});

describe('the listing', () => {
  it.each<[string, Fault]>([
    ['a server error', { kind: 'server-error', status: 503 }],
    ['too many requests', { kind: 'rate-limited', retryAfter: '1' }],
    ['too many requests without a time', { kind: 'rate-limited', retryAfter: '' }],
    ['an answer that is lost', { kind: 'answer-lost' }],
    ['an answer that breaks off', { kind: 'reset' }],
  ])('is asked for again after %s', async (_name, fault) => {
    const id = app.call();
    app.api.fail({ ...fault, path: '/v1/convai/conversations' });
    expect((await app.run()).end.outcome).toBe('ok');
    await expectWhole([id]);
  });

  it.each<[string, Fault, string]>([
    ['that is not found', { kind: 'server-error', status: 404 }, 'not_found'],
    ['that is not valid', { kind: 'invalid' }, 'validation'],
    ['that is a page', { kind: 'not-json' }, 'unexpected_answer'],
    ['that fails again and again', { kind: 'server-error', times: 3 }, 'upstream_unavailable'],
  ])('%s ends the run, and the next one begins there', async (_name, fault, reason) => {
    const id = app.call();
    app.api.fail({ path: '/v1/convai/conversations', ...fault });
    expect((await app.run()).summary).toMatchObject({ outcome: 'failed', reason });
    await app.run();
    await expectWhole([id]);
  });

  it('that hangs ends with its time limit', async () => {
    app.call();
    app.api.fail({ kind: 'slow', times: 3, delayMs: 60_000, path: '/v1/convai/conversations' });
    const services = app.open({ limits: { headersMs: 200 } });
    expect((await app.run(services)).summary).toMatchObject({ outcome: 'failed', reason: 'upstream_unavailable' });
  });

  it('that asks for a longer wait than the run has ends it, and is not asked sooner', async () => {
    app.call();
    app.api.fail({ kind: 'rate-limited', retryAfter: '600', path: '/v1/convai/conversations' });
    const { end, summary } = await app.run(app.open(), 1_000);
    expect([end.outcome, summary['more']]).toEqual(['ok', true]);
    expect(app.api.state.requests).toHaveLength(1);
  });
});

describe('a recording', () => {
  it.each<[string, Fault]>([
    ['a connection that breaks half-way', { kind: 'reset' }],
    ['a connection that breaks at once', { kind: 'answer-lost' }],
    ['a server error', { kind: 'server-error', status: 500 }],
  ])('is tried again after %s, and nothing of the first try is visible', async (_name, fault) => {
    const id = app.call({ audio: 3 * BLOCK_BYTES });
    app.api.fail({ ...fault, path: `/v1/convai/conversations/${id}/audio` });
    expect((await app.run()).end.outcome).toBe('ok');
    await expectWhole([id]);
  });

  it.each<[string, (id: string) => void]>([
    ['an HTML page', (id) => app.api.fail({ kind: 'not-json', path: `/v1/convai/conversations/${id}/audio` })],
    ['something else', (id) => setAudio(id, Buffer.from('RIFF, and so on'))],
    ['a connection that breaks each time', (id) => breakThrice(id)],
  ])('that is %s is none; the next run fetches it', async (_name, spoil) => {
    const id = app.call({ audio: 50_000 });
    spoil(id);
    const { end, lines } = await app.run();
    expect(end.outcome).toBe('ok'); // the transcript was fetched
    expect(outcomes(lines)[1]).toMatch(/^failed audio (unexpected_answer|upstream_unavailable)$/);
    expect([...(await app.stored()).keys()]).toEqual([nameOf('transcript', id, 'json')]);
    setAudio(id, 50_000);
    await app.run();
    await expectWhole([id]);
  });

  const setAudio = (id: string, audio: Uint8Array | number) => {
    const stored = app.api.state.conversations.get(id);
    if (stored) stored.audio = audio;
  };
  const breakThrice = (id: string) =>
    app.api.fail({ kind: 'reset', times: 3, path: `/v1/convai/conversations/${id}/audio` });

  it('that can never be had does not keep the others from being fetched, and is given up in the end', async () => {
    await app.run();
    const wrong = app.call({ audio: Buffer.from('RIFF, and so on') });
    expect((await app.run()).end.outcome).toBe('ok');
    const right = app.call();
    app.clock.now += 3 * HOUR * 1000;
    const { lines } = await app.run();
    expect(lines.map(({ fields }) => fields['conversation'])).toEqual([right, right, wrong, undefined]);
    app.clock.now += 4 * DAY * 1000;
    await app.run();
    app.clock.now += 4 * DAY * 1000;
    expect(outcomes((await app.run()).lines)).toEqual(['unrecoverable audio still_failing']);
  });
});

describe('a detail', () => {
  it.each<[string, Fault]>([
    ['that is not JSON', { kind: 'not-json' }],
    ['that is far too large', { kind: 'huge' }],
    ['that may not be read', { kind: 'forbidden' }],
    ['that fails again and again', { kind: 'server-error', times: 3 }],
  ])('%s fails that call, and not the others', async (_name, fault) => {
    const one = app.call({ startedAt: Math.floor(app.clock.now / 1000) - 9000 });
    const other = app.call();
    app.api.fail({ ...fault, path: `/v1/convai/conversations/${one}` });
    const { lines } = await app.run();
    expect(outcomes(lines)[0]).toMatch(/^failed transcript/);
    await expectWhole([other]);
    await app.run();
    await expectWhole([one, other]);
  });

  it.each([
    ['of another conversation', { conversation_id: 'conv_other' }],
    ['of another agent', { agent_id: 'agent_other' }],
  ])('%s is not taken', async (_name, detail) => {
    app.call({ detail });
    expect(outcomes((await app.run()).lines)).toEqual(['failed transcript unexpected_answer']);
    expect((await app.stored()).size).toBe(0);
  });

  it('that fails for one call after the other ends the run', async () => {
    for (let count = 0; count < 9; count++) app.call();
    app.api.fail({ kind: 'server-error', times: 100, path: '/v1/convai/conversations/' });
    const { summary } = await app.run();
    expect(summary).toMatchObject({ outcome: 'failed', failed: 5 });
  });
});

describe('storage', () => {
  it('that cannot be used ends the run, and the next one fetches everything', async () => {
    const id = app.call();
    const services = app.open({ storage: storage.connectionString });
    await app.run(services); // the record is there
    const other = app.call();
    storage.onRequest = (method, target) =>
      method === 'PUT' && target.includes('/transcript/') ? { kind: 'answer', status: 403 } : undefined;
    const { summary } = await app.run(services);
    expect(summary).toMatchObject({ outcome: 'failed', reason: 'storage_unavailable' });
    storage.onRequest = () => undefined;
    await app.run(services);
    await expectWhole([id, other]);
  });
});

const killed = { points: 0 };
afterAll(() => console.log(`reconcile, killed at ${killed.points} requests`));

it('a run that ends at any request leaves what the next one makes whole', { timeout: 120_000 }, async () => {
  const ids = [app.call({ audio: 2 * BLOCK_BYTES + 5 }), app.call({ audio: 5_000 })];
  let number = 0;
  let deadFrom = Number.POSITIVE_INFINITY;
  let isAnswerLost = false;
  let dead = new AbortController();
  /** From this request on the process is dead: nothing that it sends arrives any more. */
  const onRequest = () => {
    number++;
    if (number < deadFrom) return undefined;
    setImmediate(() => dead.abort());
    return number === deadFrom && isAnswerLost ? ({ kind: 'lose-answer' } as const) : ({ kind: 'refuse' } as const);
  };
  storage.onRequest = onRequest;
  api.onRequest = onRequest;
  const through = { storage: storage.connectionString, apiUrl: api.url };
  let isOver = false;
  for (let point = 1; !isOver; point += 2) {
    await app.clear();
    number = 0;
    deadFrom = point;
    isAnswerLost = point % 4 === 3;
    dead = new AbortController();
    await app.run(app.open({ ...through, dead: dead.signal }));
    isOver = number < point;
    deadFrom = Number.POSITIVE_INFINITY;
    app.clock.now += 6 * 60_000; // past the lease of the dead
    await app.run();
    await app.sweepIncoming();
    await expectWhole(ids);
    killed.points++;
  }
  expect(killed.points).toBeGreaterThan(10);
});
