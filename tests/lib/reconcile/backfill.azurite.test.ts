import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BackfillOptions, backfill } from '../../../src/lib/reconcile/backfill.ts';
import type { Finding } from '../../../src/lib/reconcile/finding.ts';
import { DAY, HOUR, type ReconcileApp, startReconcileApp } from '../../support/reconcileContext.ts';

let app: ReconcileApp;
beforeEach(async () => {
  app = await startReconcileApp();
});
afterEach(() => app.close());

const OTHER = 'agent_other';
const secondsAgo = (seconds: number) => Math.floor(app.clock.now / 1000) - seconds;
const transcript = (id: string, agent = app.agentId) => `transcript/${agent}/${id}.json`;
const stored = async () => [...(await app.stored()).keys()];

async function fill(options: Partial<BackfillOptions> = {}, settings: Record<string, string> = {}) {
  const findings: Finding[] = [];
  const listed: number[] = [];
  const run = { id: 'backfill', signal: AbortSignal.timeout(60_000), msLeft: () => 60_000 };
  const tally = await backfill(app.open({ settings }).reconciliation, run, {
    isDryRun: false,
    includesOlder: false,
    onFinding: (finding) => findings.push(finding),
    onProgress: ({ listed: count }) => listed.push(count),
    ...options,
  });
  return { tally, findings, listed };
}

describe('without a choice', () => {
  it('the calls of RECONCILE_DAYS are fetched, and what is whole is counted', async () => {
    const young = app.call({ startedAt: secondsAgo(7 * DAY - HOUR), audio: 0 });
    const whole = app.call({ audio: 0 });
    app.call({ startedAt: secondsAgo(7 * DAY + HOUR), audio: 0 });
    app.call({ status: 'in-progress' });
    await app.put(transcript(whole), '{}', { call_has_audio: 'false' });
    const { tally, findings, listed } = await fill();
    expect(tally).toMatchObject({ listed: 3, whole: 1, open: 1, unreadable: 0 });
    expect(tally.findings).toMatchObject({ backfilled: 1, recovered: 0, failed: 0, missing: 0, unrecoverable: 0 });
    expect(findings).toMatchObject([{ outcome: 'backfilled', what: 'transcript', conversationId: young }]);
    expect(listed).toEqual([1, 2, 3]);
    expect((await stored()).toSorted()).toEqual([transcript(young), transcript(whole)].toSorted());
  });

  it('those of the agents that the settings name, else of all of which something is stored', async () => {
    const own = app.call({ audio: 0 });
    const other = app.call({ agentId: OTHER, audio: 0 });
    expect((await fill()).findings.map(({ conversationId }) => conversationId)).toEqual([own]);
    await app.put(transcript('conv_any', OTHER), '{}');
    const { findings } = await fill({}, { RECONCILE_AGENT_IDS: '' });
    expect(findings.map(({ conversationId }) => conversationId)).toEqual([other]);
  });

  it('a call that cannot be fetched is said, and the others are', async () => {
    const id = app.call({ audio: 0 });
    app.call({ audio: 0 });
    app.api.fail({ kind: 'server-error', status: 400, times: 9, path: `/v1/convai/conversations/${id}` });
    const { tally } = await fill();
    expect(tally.findings).toMatchObject({ failed: 1, backfilled: 1 });
  });
});

describe('a choice', () => {
  it('of agents is taken in place of that of the settings', async () => {
    app.call({ audio: 0 });
    const other = app.call({ agentId: OTHER, audio: 0 });
    const { findings } = await fill({ agentIds: [OTHER] });
    expect(findings.map(({ conversationId }) => conversationId)).toEqual([other]);
  });

  it('of a day: what is older than RECONCILE_DAYS is only said, for retention may have deleted it', async () => {
    const older = app.call({ startedAt: secondsAgo(8 * DAY), audio: 0 });
    const young = app.call({ audio: 0 });
    app.call({ startedAt: secondsAgo(11 * DAY), audio: 0 });
    const sinceSeconds = secondsAgo(10 * DAY);
    const { findings, tally } = await fill({ sinceSeconds });
    expect(findings).toMatchObject([
      { conversationId: older, outcome: 'missing', reason: 'older' },
      { conversationId: young, outcome: 'backfilled' },
    ]);
    expect(tally.findings).toMatchObject({ missing: 1, backfilled: 1 });
    expect(await stored()).toEqual([transcript(young)]);
    await fill({ sinceSeconds, includesOlder: true });
    expect((await stored()).toSorted()).toEqual([transcript(older), transcript(young)].toSorted());
  });

  it('of a day that includes its first second', async () => {
    const startedAt = secondsAgo(DAY);
    app.call({ startedAt, audio: 0 });
    expect((await fill({ sinceSeconds: startedAt, isDryRun: true })).tally.listed).toBe(1);
    expect((await fill({ sinceSeconds: startedAt + 1, isDryRun: true })).tally.listed).toBe(0);
  });

  it('of nothing but a look: it is said, and nothing is fetched', async () => {
    const id = app.call();
    const older = app.call({ startedAt: secondsAgo(8 * DAY), audio: 0 });
    const { findings } = await fill({ isDryRun: true, sinceSeconds: secondsAgo(9 * DAY) });
    const missing = { outcome: 'missing', reason: 'dry_run' };
    expect(findings).toMatchObject([
      { ...missing, conversationId: older, what: 'transcript' },
      { ...missing, conversationId: id, what: 'transcript' },
      { ...missing, conversationId: id, what: 'audio' },
    ]);
    expect(await stored()).toEqual([]);
  });

  it('of conversations, whosever they are and each once; one that ElevenLabs does not have is said', async () => {
    const id = app.call({ audio: 0 });
    const other = app.call({ agentId: OTHER, audio: 0 });
    app.call({ audio: 0 });
    const { tally, findings, listed } = await fill({ conversationIds: [id, 'conv_gone', other, id] });
    expect(findings).toMatchObject([
      { conversationId: id, agentId: app.agentId, outcome: 'backfilled' },
      {
        conversationId: 'conv_gone',
        agentId: undefined,
        what: 'transcript',
        outcome: 'unrecoverable',
        reason: 'deleted',
      },
      { conversationId: other, agentId: OTHER, outcome: 'backfilled' },
    ]);
    expect(tally).toMatchObject({ listed: 3 });
    expect(listed).toEqual([1, 3]);
    expect((await stored()).toSorted()).toEqual([transcript(id), transcript(other, OTHER)].toSorted());
  });
});

it('a conversation that cannot be asked for is said, and the next one is fetched', async () => {
  const id = app.call({ audio: 0 });
  const next = app.call({ audio: 0 });
  app.api.fail({ kind: 'server-error', status: 400, times: 9, path: `/v1/convai/conversations/${id}` });
  const { findings, tally } = await fill({ conversationIds: [id, next] });
  expect(findings).toMatchObject([
    {
      conversationId: id,
      agentId: undefined,
      what: 'transcript',
      outcome: 'failed',
      hint: expect.stringContaining('400'),
    },
    { conversationId: next, outcome: 'backfilled' },
  ]);
  expect(tally.listed).toBe(2);
});

it('what is about more than one call ends it', async () => {
  app.call();
  app.api.fail({ kind: 'unauthorized', times: 3 });
  await expect(fill()).rejects.toMatchObject({ reason: 'invalid_api_key' });
  app.api.clearFaults();
  app.api.fail({ kind: 'unauthorized', times: 3 });
  await expect(fill({ conversationIds: ['conv_1'] })).rejects.toMatchObject({ reason: 'invalid_api_key' });
});
