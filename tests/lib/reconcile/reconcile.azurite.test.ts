import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { madeUp } from '../../../tools/local/elevenlabs/conversations.ts';
import { DAY, HOUR, type ReconcileApp, startReconcileApp } from '../../support/reconcileContext.ts';

let app: ReconcileApp;
beforeEach(async () => {
  app = await startReconcileApp();
});
afterEach(() => app.close());

const nameOf = (area: string, id: string, extension: string) => `${area}/${app.agentId}/${id}.${extension}`;
const findings = (lines: Awaited<ReturnType<ReconcileApp['run']>>['lines']) =>
  lines
    .slice(0, -1)
    .map(({ fields }) => [fields['outcome'], fields['what'], fields['reason']].filter(Boolean).join(' '));
const secondsAgo = (seconds: number) => Math.floor(app.clock.now / 1000) - seconds;
const requestsTo = (path: string) => app.api.state.requests.filter((request) => request.path.includes(path));
/** So that what comes next is not from before reconciliation was there. */
async function runOnce(): Promise<void> {
  await app.run();
  app.clock.now += 4 * HOUR * 1000;
}

describe('a call that no webhook brought', () => {
  it('is fetched whole: the transcript byte for byte in its envelope, and the recording', async () => {
    await runOnce();
    const id = app.call({ audio: 9_000_000, durationSeconds: 61.5 });
    const { end, lines, summary } = await app.run();
    expect([end.outcome, findings(lines)]).toEqual(['ok', ['recovered transcript', 'recovered audio']]);
    expect(summary).toMatchObject({ outcome: 'ok', what: 'run', listed: 1, recovered: 2, failed: 0 });
    const stored = await app.stored();
    expect([...stored.keys()].sort()).toEqual([nameOf('audio', id, 'mp3'), nameOf('transcript', id, 'json')]);
    const { detail, startedAt } = app.api.state.conversations.get(id) ?? { detail: Buffer.alloc(0), startedAt: 0 };
    const transcript = stored.get(nameOf('transcript', id, 'json'));
    expect(transcript?.bytes.toString()).toBe(
      `{"type":"post_call_transcription","event_timestamp":${startedAt + 62},"data":${detail}}`,
    );
    expect(transcript?.metadata).toMatchObject({
      source: 'api',
      event_type: 'post_call_transcription',
      conversation_id: id,
      agent_id: app.agentId,
      call_has_audio: 'true',
      call_successful: 'success',
    });
    const recording = stored.get(nameOf('audio', id, 'mp3'));
    expect(recording?.bytes.equals(Buffer.concat([...madeUp(id, 9_000_000)]))).toBe(true);
    expect([recording?.metadata['source'], recording?.contentType]).toEqual(['api', 'audio/mpeg']);
  });

  it('is not asked for again once it is here, nor is storage, in the runs that follow', async () => {
    app.call();
    await app.run();
    const before = app.api.state.requests.length;
    const { summary } = await app.run();
    expect(summary).toMatchObject({ listed: 1, whole: 1, recovered: 0, backfilled: 0 });
    expect(app.api.state.requests.slice(before).map(({ path }) => path.split('?')[0])).toEqual([
      '/v1/convai/conversations',
    ]);
  });

  it('is backfilled when it is from before the first run', async () => {
    app.call({ audio: 0 });
    const { lines } = await app.run();
    expect(findings(lines)).toEqual(['backfilled transcript']);
  });

  it('is fetched once by a listing that has it twice', async () => {
    const id = app.call();
    app.api.state.listedTwice = [id];
    const { summary } = await app.run();
    expect(summary).toMatchObject({ listed: 1, backfilled: 2 });
  });

  it.each([
    ['of another agent', { agentId: 'agent_of_others' }],
    ['that ended a moment ago', { startedAt: 0 }],
    ['that is going on', { status: 'in-progress' }],
    ['that is being looked at', { status: 'processing' }],
    ['in a state that nobody knows', { status: 'surprising' }],
  ])('and is one %s is left alone', async (_name, call) => {
    app.call('startedAt' in call ? { startedAt: secondsAgo(90) } : call);
    const { end, lines } = await app.run();
    expect([end.outcome, findings(lines)]).toEqual(['ok', []]);
    expect(await app.stored()).toEqual(new Map());
    expect(requestsTo('/conversations/')).toEqual([]);
  });
});

describe('what counts as here', () => {
  it('a transcript in either form, with the recording', async () => {
    for (const extension of ['json', 'otel.json']) {
      const id = app.call();
      await app.put(nameOf('transcript', id, extension), '{}');
      await app.put(nameOf('audio', id, 'mp3'), 'ID3');
    }
    const { summary } = await app.run();
    expect(summary).toMatchObject({ listed: 2, whole: 2 });
    expect(requestsTo('/conversations/')).toEqual([]);
  });

  it('a recording only when there is one: a stored transcript says so, or else the detail', async () => {
    const silent = app.call({ audio: 0 });
    await app.put(nameOf('transcript', silent, 'json'), '{}', { call_has_audio: 'false' });
    const unknown = app.call({ audio: 0 });
    await app.put(nameOf('transcript', unknown, 'otel.json'), '{}');
    const { summary } = await app.run();
    expect(summary).toMatchObject({ listed: 2, whole: 2 });
    expect(requestsTo('/conversations/').map(({ path }) => path)).toEqual([`/v1/convai/conversations/${unknown}`]);
  });

  it('no blob beside it, and none of a call whose id only begins the same', async () => {
    const id = app.call({ audio: 0 });
    await app.put(nameOf('transcript', `${id}x`, 'json'), '{}');
    await app.put(nameOf('transcript', id, `${'a'.repeat(32)}.json`), '{}');
    expect(findings((await app.run()).lines)).toEqual(['backfilled transcript']);
  });

  it('nothing of what a setting has switched off', async () => {
    const id = app.call();
    await app.run(app.open({ settings: { ENABLE_AUDIO_STORAGE: 'false' } }));
    expect([...(await app.stored()).keys()]).toEqual([nameOf('transcript', id, 'json')]);
  });

  it('a failed call by its failure, and is lost without', async () => {
    const here = app.call({ status: 'failed' });
    await app.put(nameOf('call_failure', here, 'json'), '{}');
    const lost = app.call({ status: 'failed' });
    const { lines } = await app.run();
    expect(findings(lines)).toEqual(['unrecoverable failure not_in_api']);
    expect(lines[0]?.fields['conversation']).toBe(lost);
    expect((await app.stored()).size).toBe(1);
  });

  it('costs two requests to storage for a call that is whole, and none to ElevenLabs beyond its line', async () => {
    for (let count = 0; count < 10; count++) {
      const id = app.call();
      await app.put(nameOf('transcript', id, 'json'), '{}', { call_has_audio: 'true' });
      await app.put(nameOf('audio', id, 'mp3'), 'ID3');
    }
    const services = app.open();
    await app.run(services); // containers are known, and the record is there
    app.api.state.requests.length = 0;
    let requests = 0;
    const { storage } = services.reconciliation;
    const counting: typeof storage = {
      attempt: (...args) => {
        requests++;
        return storage.attempt(...args);
      },
      until: () => counting,
    };
    await app.put('state/reconcile/progress.json', JSON.stringify({ host: 'none', lease: null, agents: {} }));
    await app.run({ ...services, reconciliation: { ...services.reconciliation, storage: counting } });
    expect(requests).toBe(20);
    expect(app.api.state.requests).toHaveLength(1);
  });
});

describe('what ElevenLabs does not have', () => {
  it.each([
    ['under zero retention', { isZeroRetention: true }, 'unrecoverable transcript zero_retention'],
    ['with an empty transcript', { audio: 0, detail: { transcript: [] } }, 'unrecoverable transcript empty_transcript'],
    ['that the key may not read', { listed: { hiding_reason: 'no_access' } }, 'unrecoverable transcript hidden'],
  ])('a call %s is said to be lost, once', async (_name, call, said) => {
    app.call(call);
    expect(findings((await app.run()).lines)).toEqual([said]);
    app.clock.now += HOUR * 1000;
    const before = requestsTo('/conversations/').length;
    expect(findings((await app.run()).lines)).toEqual([]);
    expect(requestsTo('/conversations/')).toHaveLength(before);
    expect(await app.stored()).toEqual(new Map());
  });

  it('a call that was deleted there is lost', async () => {
    const id = app.call();
    app.api.fail({ kind: 'server-error', status: 404, path: `/v1/convai/conversations/${id}` });
    expect(findings((await app.run()).lines)).toEqual(['unrecoverable transcript deleted']);
  });

  it('a recording that was deleted there is lost, and the transcript is not', async () => {
    const id = app.call();
    app.api.fail({ kind: 'server-error', status: 404, path: `/v1/convai/conversations/${id}/audio` });
    expect(findings((await app.run()).lines)).toEqual(['backfilled transcript', 'unrecoverable audio deleted']);
  });
});

describe('a call that was erased', () => {
  it.each([
    ['that has a tombstone', (id: string) => [nameOf('transcript', id, 'json'), { erased_at: 'then' }] as const],
    ['whose recording has one', (id: string) => [nameOf('audio', id, 'mp3'), { erased_at: 'then' }] as const],
    ['that is written down', (id: string) => [`state/erased/${id}.json`, {}] as const],
  ])('and is one %s is not fetched', async (_name, mark) => {
    const id = app.call();
    const [name, metadata] = mark(id);
    await app.put(name, '', metadata);
    const { lines } = await app.run();
    expect(findings(lines)).toEqual([]);
    expect(requestsTo('/conversations/')).toEqual([]);
    expect([...(await app.stored()).values()].map(({ bytes }) => bytes.length)).toEqual(
      name.startsWith('state/') ? [] : [0],
    );
  });
});

describe('how far it looks', () => {
  it('a first run: RECONCILE_DAYS, and nothing older', async () => {
    app.call({ startedAt: secondsAgo(8 * DAY) });
    const young = app.call({ startedAt: secondsAgo(6 * DAY), audio: 0 });
    await app.run();
    expect([...(await app.stored()).keys()]).toEqual([nameOf('transcript', young, 'json')]);
  });

  it('a call that went on for longer than the overlap is fetched when it has ended', async () => {
    await runOnce();
    const long = app.call({ startedAt: secondsAgo(60), status: 'in-progress', audio: 0 });
    await app.run();
    app.clock.now += 5 * HOUR * 1000;
    app.call({ audio: 0 });
    await app.run();
    app.clock.now += HOUR * 1000;
    app.api.state.requests.length = 0;
    const stored = app.api.state.conversations.get(long);
    if (stored) {
      stored.listed = { ...stored.listed, status: 'done' };
      stored.detail = Buffer.from(stored.detail.toString().replace('in-progress', 'done'));
    }
    const { lines } = await app.run();
    expect(findings(lines)).toEqual(['recovered transcript']);
    expect(lines[0]?.fields['conversation']).toBe(long);
  });

  it('a call that never ends is given up after RECONCILE_DAYS, once', async () => {
    await app.run();
    app.call({ startedAt: secondsAgo(60), status: 'in-progress' });
    for (let day = 0; day < 8; day++) {
      expect(findings((await app.run()).lines)).toEqual([]);
      app.clock.now += 0.99 * DAY * 1000;
    }
    expect(findings((await app.run()).lines)).toEqual(['unrecoverable transcript still_open']);
    expect(findings((await app.run()).lines)).toEqual([]);
  });

  it('a gap of eight days is said with the command that fills it, and what is younger is fetched', async () => {
    await app.run();
    app.call({ audio: 0 });
    app.clock.now += 8.5 * DAY * 1000;
    const young = app.call({ startedAt: secondsAgo(DAY), audio: 0 });
    const { lines } = await app.run();
    expect(lines[0]).toMatchObject({
      level: 'ERROR',
      fields: { outcome: 'gap', agent: app.agentId, hint: expect.stringMatching(/reconcile --agent \S+ --since \d/) },
    });
    expect([...(await app.stored()).keys()]).toEqual([nameOf('transcript', young, 'json')]);
    expect(findings((await app.run()).lines)).toEqual([]);
  });

  it('another host begins anew', async () => {
    await runOnce();
    app.call({ audio: 0 });
    const { port } = new URL(app.api.url);
    const settings = { ELEVENLABS_API_BASE_URL: `http://localhost:${port}` };
    expect(findings((await app.run(app.open({ settings }))).lines)).toEqual(['backfilled transcript']);
  });

  it('more than a page, in pages of a hundred', async () => {
    const ids = Array.from({ length: 230 }, (_, index) => app.call({ startedAt: secondsAgo(9000 - index), audio: 0 }));
    for (const id of ids) await app.put(nameOf('transcript', id, 'json'), '{}', { call_has_audio: 'false' });
    const { summary } = await app.run();
    expect(summary).toMatchObject({ listed: 230, whole: 230 });
    expect(requestsTo('page_size=100')).toHaveLength(3);
  });

  it('clocks that differ by minutes lose nothing', async () => {
    await runOnce();
    const ahead = app.call({ startedAt: secondsAgo(-600), audio: 0 });
    expect(findings((await app.run()).lines)).toEqual([]);
    app.clock.now += 2 * HOUR * 1000;
    expect((await app.run()).lines[0]?.fields).toMatchObject({ outcome: 'recovered', conversation: ahead });
  });
});

describe('whose calls', () => {
  it('those of agents of which something is stored, when nobody names them', async () => {
    const services = app.open({ settings: { RECONCILE_AGENT_IDS: '' } });
    app.call({ audio: 0 });
    expect((await app.run(services)).summary).toMatchObject({ listed: 0 });
    await app.put(nameOf('call_failure', 'conv_any', 'json'), '{}');
    expect((await app.run(services)).summary).toMatchObject({ listed: 1, backfilled: 1 });
  });
});

it('a large recording is fetched with two blocks at most', async () => {
  const id = app.call({ audio: 60_000_000 });
  const services = app.open();
  const { pool } = services.reconciliation.store;
  const leased = new Set<number>();
  const sampling = setInterval(() => leased.add(pool.leased), 2);
  await app.run(services);
  clearInterval(sampling);
  const recording = (await app.stored()).get(nameOf('audio', id, 'mp3'));
  expect(recording?.bytes.length).toBe(60_000_000);
  expect([...leased].filter((blocks) => blocks > 2)).toEqual([]);
  expect(leased).toContain(1);
  expect(pool.leased).toBe(0);
});

describe('a run', () => {
  it('is one at a time, until the other one must have died', async () => {
    const lease = { by: 'another', until: app.clock.now + 60_000 };
    const host = new URL(app.api.url).host;
    await app.put('state/reconcile/progress.json', JSON.stringify({ host, lease, agents: {} }));
    app.call();
    expect((await app.run()).end.outcome).toBe('busy');
    expect(app.api.state.requests).toEqual([]);
    app.clock.now += 61_000;
    expect((await app.run()).summary).toMatchObject({ outcome: 'ok', backfilled: 2 });
  });

  it('two at once fetch everything once', async () => {
    for (let count = 0; count < 5; count++) app.call();
    const runs = await Promise.all([app.run(app.open()), app.run(app.open())]);
    expect(runs.map(({ end }) => end.outcome).sort()).toEqual(['busy', 'ok']);
    expect((await app.stored()).size).toBe(10);
  });

  it('that has no time left ends well, and the next one goes on', async () => {
    const ids = Array.from({ length: 6 }, (_, index) => app.call({ startedAt: secondsAgo(9000 - index), audio: 0 }));
    const { end, summary } = await app.run(app.open(), 4_000); // less than it takes to begin a call
    expect([end.outcome, summary['more']]).toEqual(['ok', true]);
    await app.run();
    expect((await app.stored()).size).toBe(ids.length);
  });

  it('begins no recording that does not fit', async () => {
    const id = app.call({ audio: 190_000_000 });
    const { end, summary } = await app.run(app.open(), 8_000);
    expect([end.outcome, summary['more'], summary['failed']]).toEqual(['ok', true, 0]);
    expect([...(await app.stored()).keys()]).toEqual([nameOf('transcript', id, 'json')]);
  });
});
