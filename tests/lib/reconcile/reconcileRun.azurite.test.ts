import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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
