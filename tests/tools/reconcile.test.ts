import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { DAY, type ReconcileApp, startReconcileApp } from '../support/reconcileContext.ts';
import { run as start } from './run.ts';

let app: ReconcileApp;
beforeEach(async () => {
  app = await startReconcileApp();
});
afterEach(() => app.close());

async function reconcile(...args: string[]) {
  const areas = ['TRANSCRIPT', 'AUDIO', 'CALL_FAILURE', 'QUARANTINE', 'INCOMING', 'OTHER_EVENTS', 'STATE'];
  const tool = start(['tools/cli/reconcile.ts', ...args], {
    NO_COLOR: '1',
    CallStorage: inject('storage'),
    ELEVENLABS_API_KEY: 'sk_key_of_the_test',
    ELEVENLABS_API_BASE_URL: app.api.url,
    ENABLE_AUDIO_STORAGE: 'true',
    RECONCILE_AGENT_IDS: app.agentId,
    ...Object.fromEntries(areas.map((area) => [`${area}_STORAGE_PATH`, `${app.container}/${area.toLowerCase()}`])),
  });
  const code = await tool.ended;
  const text = tool.text();
  const lines = text.split('\n').filter((line) => line.startsWith('{'));
  return { code, text, json: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

const secondsAgo = (seconds: number) => Math.floor(Date.now() / 1000) - seconds;
const dayOf = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 10);

describe('reconcile', () => {
  test('fetches what is missing, says it, and ends with 0; again there is nothing to do', async () => {
    const whole = app.call({ audio: 0 });
    await app.put(`transcript/${app.agentId}/${whole}.json`, '{}', { call_has_audio: 'false' });
    const id = app.call({ audio: 2_100_000 });
    const { code, text } = await reconcile();
    const audio = `${app.container}/audio/${app.agentId}/${id}.mp3`;
    expect(text).toMatch(/ElevenLabs 2 calls since \d+ \w+ · here 1 whole/);
    expect(text).toContain(`${id}  transcript missing    fetched`);
    expect(text).toContain(`${id}  recording missing     fetched   2.1 MB → ${audio}`);
    expect(text).toMatch(/^2 whole$/m);
    expect(code).toBe(0);
    expect((await app.stored()).size).toBe(3);
    expect((await reconcile()).text).toMatch(/here 2 whole\n2 whole\n/);
  });

  test('ends with 1 when something is lost, and says why', async () => {
    app.call({ isZeroRetention: true });
    const { code, text } = await reconcile();
    expect(text).toContain('zero retention: ElevenLabs has nothing');
    expect(text).toContain('0 whole, 1 lost');
    expect(code).toBe(1);
  });

  test('--dry-run fetches nothing, and ends with 1 when something is missing', async () => {
    const id = app.call({ audio: 0 });
    const { code, json } = await reconcile('--dry-run', '--json');
    expect(json).toEqual([
      {
        conversation_id: id,
        agent_id: app.agentId,
        what: 'transcript',
        outcome: 'missing',
        reason: 'dry_run',
        blob: null,
      },
      { summary: { calls: 1, whole_before: 0, whole: 0, lost: 0, failed: 0, missing: 1, open: 0 } },
    ]);
    expect(code).toBe(1);
    expect(await app.stored()).toEqual(new Map());
  });

  test('--json says for each finding what it is and where', async () => {
    const id = app.call({ audio: 0 });
    const { json } = await reconcile('--json');
    const blob = `${app.container}/transcript/${app.agentId}/${id}.json`;
    expect(json[0]).toMatchObject({
      conversation_id: id,
      what: 'transcript',
      outcome: 'backfilled',
      reason: null,
      blob,
    });
    expect(json[1]).toMatchObject({ summary: { calls: 1, whole: 1 } });
  });

  test('--since and --conversation name what is older than RECONCILE_DAYS, and fetch it with --yes', async () => {
    const startedAt = secondsAgo(20 * DAY);
    const old = app.call({ startedAt, audio: 0 });
    const young = app.call({ audio: 0 });
    const name = (id: string) => `transcript/${app.agentId}/${id}.json`;
    expect((await reconcile('--yes')).code).toBe(0);
    expect([...(await app.stored()).keys()]).toEqual([name(young)]);
    for (const asked of [
      ['--since', dayOf(startedAt)],
      ['--conversation', old],
    ]) {
      const { code, text } = await reconcile(...asked);
      expect([code, text]).toEqual([1, expect.stringContaining('older than 7 days')]);
      expect((await app.stored()).has(name(old))).toBe(false);
    }
    expect((await reconcile('--since', dayOf(startedAt), '--yes')).code).toBe(0);
    expect((await app.stored()).has(name(old))).toBe(true);
  });

  test('--agent and --conversation take only these', async () => {
    app.call({ audio: 0 });
    const other = app.call({ agentId: 'agent_other', audio: 0 });
    const third = app.call({ agentId: 'agent_third', audio: 0 });
    await reconcile('--agent', 'agent_other');
    await reconcile('--conversation', third);
    expect([...(await app.stored()).keys()]).toEqual([
      `transcript/agent_other/${other}.json`,
      `transcript/agent_third/${third}.json`,
    ]);
  });

  test('a conversation that ElevenLabs does not have is lost', async () => {
    const { code, text } = await reconcile('--conversation', 'conv_unknown');
    expect([code, text]).toEqual([1, expect.stringContaining('conv_unknown  deleted at ElevenLabs')]);
  });

  test('a key without the permission is told which one it needs', async () => {
    app.api.fail({ kind: 'missing-permission' });
    const { code, text } = await reconcile();
    expect([code, text]).toEqual([1, expect.stringContaining('convai_read')]);
    expect(text).not.toContain('sk_key');
  });

  test.each([
    [['--since', 'tomorow'], /not a time/],
    [['--since', '2026-02-31'], /not a time/],
    [['--since', '2999-01-01'], /still to come/],
    [['--conversation', '../other'], /not an id/],
    [['--azure', '--account', 'name'], /exclude each other/],
  ])('%s is wrong usage', async (args, message) => {
    const { code, text } = await reconcile(...args);
    expect([code, text]).toEqual([2, expect.stringMatching(message)]);
  });
});
