import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConversationPage } from '../../../src/lib/elevenlabs/conversationSchemas.ts';
import type { Fault } from '../../../tools/local/elevenlabs/faults.ts';
import { DAY, HOUR, type ReconcileApp, startReconcileApp } from '../../support/reconcileContext.ts';

let app: ReconcileApp;
beforeEach(async () => {
  app = await startReconcileApp();
});
afterEach(() => app.close());

const OTHER = 'agent_other';
const LISTING = '/v1/convai/conversations';
const ofBoth = () => app.open({ settings: { RECONCILE_AGENT_IDS: `${app.agentId},${OTHER}` } });
const NOTHING = { listed: 0, whole: 0, open: 0, recovered: 0, backfilled: 0, unrecoverable: 0, failed: 0 };
const agentsListed = () =>
  app.api.state.requests.flatMap(({ path }) => /^\/v1\/convai\/conversations\?.*agent_id=(\w+)/.exec(path)?.[1] ?? []);
const lastLine = async (services = app.open()) => (await app.run(services)).lines.at(-1);

describe('the last line of a run', () => {
  it('that found nothing', async () => {
    expect(await lastLine()).toEqual({
      level: 'INFO',
      fields: { outcome: 'ok', what: 'run', ...NOTHING, unreadable: undefined, more: undefined, ms: 0 },
    });
  });

  it('counts what was listed, is whole, is open and came', async () => {
    await app.run();
    app.clock.now += DAY * 1000;
    const whole = app.call({ audio: 0 });
    await app.put(`transcript/${app.agentId}/${whole}.json`, '{}', { call_has_audio: 'false' });
    app.call({ audio: 100 });
    app.call({ status: 'in-progress' });
    expect(await lastLine()).toMatchObject({
      level: 'INFO',
      fields: { outcome: 'ok', ...NOTHING, listed: 3, whole: 1, open: 1, recovered: 2 },
    });
  });

  it.each([
    ['and nothing else came: the run has failed', 0, 'ERROR', 'failed'],
    ['and another call came: the run has not', 1, 'INFO', 'ok'],
  ])('a call cannot be fetched %s', async (_name, others, level, outcome) => {
    const id = app.call({ audio: 0 });
    for (let count = 0; count < others; count++) app.call({ audio: 0 });
    app.api.fail({ kind: 'server-error', status: 400, times: 9, path: `/v1/convai/conversations/${id}` });
    const line = await lastLine();
    expect(line).toMatchObject({ level, fields: { outcome, failed: 1, backfilled: others } });
    expect(line?.fields).not.toHaveProperty('reason');
  });

  it('that another one keeps away', async () => {
    const host = new URL(app.api.url).host;
    const lease = { by: 'another', until: app.clock.now + 60_000 };
    await app.put('state/reconcile/progress.json', JSON.stringify({ host, lease, agents: {} }));
    expect(await lastLine()).toMatchObject({ level: 'INFO', fields: { outcome: 'busy', ...NOTHING, more: undefined } });
  });
});

describe('of two agents', () => {
  it.each<[string, Fault, string]>([
    ['is not found', { kind: 'server-error', status: 404 }, 'not_found'],
    ['is not valid', { kind: 'invalid' }, 'validation'],
    ['cannot be understood', { kind: 'not-json' }, 'unexpected_answer'],
  ])('one %s: the run has failed, and the other one is fetched', async (_name, fault, reason) => {
    const id = app.call({ agentId: OTHER, audio: 0 });
    app.api.fail({ path: LISTING, ...fault });
    const { end, lines } = await app.run(ofBoth());
    expect(agentsListed()).toEqual([app.agentId, OTHER]);
    expect(end).toMatchObject({ outcome: 'failed', error: { reason } });
    expect(lines.at(-1)).toMatchObject({
      level: 'ERROR',
      fields: { outcome: 'failed', what: 'run', reason, hint: expect.stringContaining(reason), backfilled: 1 },
    });
    expect([...(await app.stored()).keys()]).toEqual([`transcript/${OTHER}/${id}.json`]);
  });

  it.each<[string, Fault]>([
    ['the key is not known', { kind: 'unauthorized' }],
    ['ElevenLabs is away', { kind: 'server-error', status: 503, times: 3 }],
  ])('%s: the other one is not asked for', async (_name, fault) => {
    app.call({ agentId: OTHER });
    app.api.fail({ path: LISTING, ...fault });
    expect((await app.run(ofBoth())).end.outcome).toBe('failed');
    expect(new Set(agentsListed())).toEqual(new Set([app.agentId]));
  });

  it('the one comes first that was complete longest ago, and one that never was before it', async () => {
    await app.run(app.open({ settings: { RECONCILE_AGENT_IDS: app.agentId } }));
    app.clock.now += HOUR * 1000;
    app.api.state.requests.length = 0;
    await app.run(ofBoth());
    expect(agentsListed()).toEqual([OTHER, app.agentId]);

    app.clock.now += HOUR * 1000;
    await app.run(app.open({ settings: { RECONCILE_AGENT_IDS: OTHER } }));
    app.clock.now += HOUR * 1000;
    app.api.state.requests.length = 0;
    await app.run(app.open({ settings: { RECONCILE_AGENT_IDS: `${OTHER},${app.agentId}` } }));
    expect(agentsListed()).toEqual([app.agentId, OTHER]);
  });
});

it('a gap names the day of the last call that was seen, and is said once', async () => {
  app.call({ audio: 0 });
  await app.run();
  const since = new Date(app.clock.now - 2 * HOUR * 1000).toISOString().slice(0, 10);
  app.clock.now += 9 * DAY * 1000;
  const { lines } = await app.run();
  expect(lines[0]).toMatchObject({
    level: 'ERROR',
    fields: {
      outcome: 'gap',
      what: 'run',
      agent: app.agentId,
      since,
      hint: expect.stringContaining(`reconcile --agent ${app.agentId} --since ${since} --yes`),
    },
  });
  expect((await app.run()).lines).toHaveLength(1);
});

it('what is no agent is not asked for, and agents are in the order of their names', async () => {
  for (const agent of ['agent_b', 'agent_a', 'no agent', `${'x'.repeat(257)}`]) {
    await app.put(`transcript/${agent}/conv_1.json`, '{}');
  }
  await app.put('transcript/loose.json', '{}');
  await app.put('audio/agent_0/conv_1.mp3', 'sound');
  await app.run(app.open({ settings: { RECONCILE_AGENT_IDS: '' } }));
  expect(agentsListed()).toEqual(['agent_0', 'agent_a', 'agent_b']);
});

describe('a listing', () => {
  const secondsAgo = (seconds: number) => Math.floor(app.clock.now / 1000) - seconds;
  const call = (startedAt: number) => app.call({ startedAt, audio: 0 });
  /** What ElevenLabs lists of these calls, as far back as there is anything. */
  async function listed(...ids: string[]): Promise<ConversationPage['conversations']> {
    const { api } = app.open().reconciliation;
    const found: ConversationPage['conversations'][number][] = [];
    const search = { agentId: app.agentId, fromSeconds: 0 };
    for await (const page of api.pages(search, { signal: AbortSignal.timeout(60_000) }))
      found.push(...page.conversations);
    return ids.flatMap((id) => found.filter((one) => one.id === id));
  }
  /** A run that is given these pages, and then an error when the listing breaks off. `asked` is from when on it wanted calls. */
  async function run(pages: ConversationPage['conversations'][], { unreadable = 0, breaksOff = false } = {}) {
    const services = app.open();
    const asked: number[] = [];
    Object.assign(services.reconciliation.api, {
      pages: async function* (search: { fromSeconds: number }) {
        asked.push(search.fromSeconds);
        for (const conversations of pages) yield { conversations, unreadable, hasMore: true, nextCursor: 'x' };
        if (breaksOff) throw new Error('away');
      },
    });
    const { summary } = await app.run(services);
    return { asked: asked[0], summary };
  }
  const OVERLAP = 2 * HOUR;

  it('of more than was asked for: calls of others and older ones are passed over, and what is unreadable is counted', async () => {
    const oldest = secondsAgo(7 * DAY);
    const [first, older, other] = await listed(call(oldest), call(oldest - 1), call(oldest + 1));
    if (first === undefined || older === undefined || other === undefined) throw new Error('not listed');
    const { summary } = await run([[first, older, { ...other, agentId: OTHER }]], { unreadable: 2 });
    expect(summary).toMatchObject({ listed: 1, backfilled: 1, unreadable: 2 });
    expect([...(await app.stored()).keys()]).toEqual([`transcript/${app.agentId}/${first.id}.json`]);
  });

  it('begins as far back as RECONCILE_DAYS, and later two hours before the newest call', async () => {
    const newest = secondsAgo(3 * HOUR);
    const pages = [await listed(call(secondsAgo(DAY)), call(newest))];
    expect((await run(pages)).asked).toBe(secondsAgo(7 * DAY));
    expect((await run([])).asked).toBe(newest - OVERLAP);
    app.clock.now += 7 * DAY * 1000 - 4 * HOUR * 1000;
    expect((await run([])).asked).toBe(secondsAgo(7 * DAY));
  });

  it('with a call of a clock that is ahead: the next one begins two hours before now', async () => {
    await run([await listed(call(secondsAgo(-HOUR)))]);
    expect((await run([])).asked).toBe(secondsAgo(OVERLAP));
  });

  it('that breaks off in order is gone on with where it was', async () => {
    const [early, late] = [secondsAgo(3 * DAY), secondsAgo(2 * DAY)];
    const pages = [await listed(call(early), call(early)), await listed(call(late))];
    expect((await run(pages, { breaksOff: true })).summary).toMatchObject({ outcome: 'failed', backfilled: 3 });
    expect((await run([])).asked).toBe(late - OVERLAP);
  });

  it.each([
    ['backwards', [1, 2, 3]],
    ['in no order', [3, 1, 2]],
  ])('that breaks off and is %s is begun anew: what it had not come to may be older', async (_name, days) => {
    const pages = [await listed(...days.map((day) => call(secondsAgo(day * DAY))))];
    await run(pages, { breaksOff: true });
    expect((await run([])).asked).toBe(secondsAgo(7 * DAY));
  });

  it('in no order that comes to its end has shown everything', async () => {
    await run([await listed(call(secondsAgo(DAY)), call(secondsAgo(3 * DAY)), call(secondsAgo(2 * DAY)))]);
    expect((await run([])).asked).toBe(secondsAgo(DAY) - OVERLAP);
  });
});
