import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { HttpRequest, InvocationContext } from '@azure/functions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeErasure } from '../../src/lib/calls/erasureRecord.ts';
import { initiationHandler } from '../../src/lib/initiation/handler.ts';
import { reconcileByTimer } from '../../src/lib/reconcileTimer.ts';
import { openServices } from '../../src/lib/services.ts';
import { sweep } from '../../src/lib/sweep.ts';
import { logTo } from '../../src/lib/telemetry/log.ts';
import { addConversation } from '../../tools/local/elevenlabs/conversations.ts';
import { audioEvent, newCall, now, send, transcription } from '../support/context.ts';
import {
  jsonRequest,
  MINUTE_MS,
  metadataOf,
  newCallOfAgent,
  newSample,
  openInstance,
  type PreCallApp,
  sendPreCall,
  startInstances,
} from '../support/preCallContext.ts';
import { root } from './bicep.ts';
import { analyze, queries, tablesOf } from './kusto.ts';

const names = Object.keys(queries);

/** Queries of what the app writes; storage writes `StorageBlobLogs`. */
const ofLines = names.filter((name) => /\bline\./.test(queries[name] ?? ''));

describe.each(names)('the query %s', (name) => {
  const query = queries[name] ?? '';

  it('is understood, with every name in it', () => {
    const { problems, columns } = analyze(query);
    expect(problems).toEqual([]);
    expect(columns.length).toBeGreaterThan(0);
    expect(tablesOf(query)).not.toEqual([]);
  });

  it('begins with what it is for', () => {
    expect(query).toMatch(/^\/\/ [A-Z].*[.:,]/);
  });
});

it('the question of the smoke test is understood, with every name in it', () => {
  const script = readFileSync(`${root}.github/scripts/wait-until-healthy.sh`, 'utf8');
  const [, query = ''] = /^query="\n([^"]+)"$/m.exec(script) ?? [];
  const { problems, columns } = analyze(query.replace('$since', '2026-11-24T00:00:00Z').replace('$version', '0.1.0'));
  expect([problems, columns]).toEqual([[], ['well']]);
});

it('a wrong name in a query is noticed', () => {
  expect(analyze("traces | where mesage == 'a'").problems).toEqual([expect.stringContaining("'mesage'")]);
  expect(analyze('requests | summarize percentil(duration, 95)').problems).not.toEqual([]);
});

describe('what the app logs as JSON', { timeout: 60_000 }, () => {
  let app: PreCallApp;
  const lines: Record<string, unknown>[] = [];

  beforeAll(async () => {
    app = await startInstances(1, { LOG_FORMAT: 'json' });
    await deliverEverything();
    lines.push(
      ...app.context.lines.filter(({ message }) => message.startsWith('{')).map(({ message }) => JSON.parse(message)),
    );
  });
  afterAll(() => app.close());

  /** Each kind of delivery and each outcome that a query asks for. */
  async function deliverEverything(): Promise<void> {
    const stored = JSON.stringify(transcription());
    await send(app.context, stored);
    await send(app.context, stored);
    await send(app.context, JSON.stringify(audioEvent(Buffer.alloc(3000))));
    await send(app.context, readFileSync(`${root}examples/call_initiation_failure_sip.json`, 'utf8'));
    await send(app.context, JSON.stringify({ type: 'post_call_surprise', event_timestamp: now(), data: newCall() }));
    await send(app.context, stored, { secret: 'wsec_wrong' });
    await send(app.context, stored, { header: null });
    await send(app.context, stored, { header: 't=1' });
    await send(app.context, stored, { timestamp: now() - 7200 });
    await send(app.context, stored, { timestamp: now() + 7200 });

    const caller = () => jsonRequest(metadataOf(newCallOfAgent(app)), newSample());
    await sendPreCall(app, caller());
    app.api.fail({ kind: 'slots-full', method: 'POST', times: 1 });
    await sendPreCall(app, caller());
    app.api.fail({ kind: 'forbidden', method: 'PATCH', times: 1 });
    await sendPreCall(app, caller());

    const write = (message: string) => void app.context.lines.push({ level: 'information', message });
    const log = logTo({ debug: write, info: write, warn: write, error: write }, { level: 'DEBUG', format: 'json' });
    await sweepErasures(log);
    await sweep(openInstance(app), log);
    const { incoming } = app.context.containers;
    await app.context.blobs.getContainerClient(incoming).createIfNotExists();
    await app.context.blobs.getContainerClient(incoming).getBlockBlobClient('stray').upload('?', 1);
    await reconcileEverything(log);
    await askBeforeCalls(write);
    app.clock.aheadMs = 20 * MINUTE_MS;
    app.api.fail({ kind: 'unauthorized', method: 'GET', times: 100 });
    await sweep(openInstance(app), log).catch(() => undefined);
    // As long as the vault has no secret, which is how a first deployment starts.
    await sweep(
      openServices({ ELEVENLABS_WEBHOOK_SECRET: '@Microsoft.KeyVault(VaultName=kv;SecretName=s)' }),
      log,
    ).catch(() => undefined);
  }

  /** An erasure that waits for the operator's key, and a delivery of that call. */
  async function sweepErasures(log: ReturnType<typeof logTo>): Promise<void> {
    const instance = openInstance(app);
    const { erasing } = instance;
    if (erasing === undefined) throw new Error('not configured');
    const { conversation_id } = newCall();
    const erasure = {
      conversation_id,
      agent_ids: [newCall().agent_id],
      of_any_agent: false,
      requested_at: new Date().toISOString(),
      finished_at: null,
      left: ['conversation' as const],
      is_over: true,
      voice_ids: [],
      samples: [],
      callers: [],
    };
    await writeErasure({ storage: erasing.storage, path: erasing.areas.state }, erasure);
    await sweep(instance, log);
    const call = { conversation_id, agent_id: erasure.agent_ids[0] };
    await send(app.context, JSON.stringify({ type: 'post_call_surprise', event_timestamp: now(), data: call }));
  }

  /** A question that is answered, one that is refused, one whose body does not come to its end, and one without storage. */
  async function askBeforeCalls(write: (message: string) => void): Promise<void> {
    const used = { INITIATION_SECRET: 'bearer_of_the_test' };
    const ask = async (
      settings: Record<string, string>,
      body: ReadableStream | null,
      secret = 'bearer_of_the_test',
    ) => {
      const handle = initiationHandler(openServices({ ...process.env, ...used, ...settings }));
      const request = { headers: new Headers({ authorization: `Bearer ${secret}` }), body };
      const context = { invocationId: randomUUID(), debug: write, info: write, warn: write, error: write };
      await handle(request as unknown as HttpRequest, context as unknown as InvocationContext);
    };
    const question = () => new Response(JSON.stringify({ caller_id: '+1', called_number: '+2', ...newCall() })).body;
    const wrongKey = String(process.env['CallStorage']).replace(
      /AccountKey=[^;]+/,
      `AccountKey=${btoa('x'.repeat(64))}`,
    );
    const patience = { INITIATION_DEADLINE_MS: '10000' };
    await ask(patience, question());
    await ask(patience, null, 'bearer_of_nobody');
    await ask({ INITIATION_DEADLINE_MS: '100' }, new ReadableStream());
    await ask({ ...patience, CallStorage: wrongKey }, question());
  }

  /** A run with nothing to do, one with a call to fetch and one that is lost, one after a long pause, and one without a key. */
  async function reconcileEverything(log: ReturnType<typeof logTo>): Promise<void> {
    const settings = { ENABLE_RECONCILIATION: 'true', RECONCILE_AGENT_IDS: 'agent_reconciled' };
    const reconcile = () => reconcileByTimer(openInstance(app, { settings }), newCall().conversation_id, log);
    const call = { agentId: 'agent_reconciled', audio: 0 };
    await reconcile();
    app.clock.aheadMs = 6 * 60 * MINUTE_MS;
    addConversation(app.api.state, { ...call, startedAt: now() + 3600 });
    addConversation(app.api.state, { ...call, startedAt: now() + 3600, isZeroRetention: true });
    await reconcile();
    app.clock.aheadMs = 9 * 24 * 60 * MINUTE_MS;
    await reconcile();
    app.clock.aheadMs = 0;
    const withoutKey = { ...process.env, ...settings, ELEVENLABS_API_KEY: '' };
    await reconcileByTimer(openServices(withoutKey), newCall().conversation_id, log);
  }

  it.each(ofLines)('has every field that %s reads', (name) => {
    const logged = new Set(lines.flatMap(Object.keys));
    const read = [...(queries[name] ?? '').matchAll(/\bline\.(\w+)/g)].map(([, field]) => field ?? '');
    expect(read.filter((field) => !logged.has(field))).toEqual([]);
  });

  it.each(ofLines)('takes on every value that %s compares a field with', (name) => {
    const compared = [...(queries[name] ?? '').matchAll(/tostring\(line\.(\w+)\) (?:==|in) (\([^)]*\)|'[^']*')/g)];
    for (const [, field = '', literals = ''] of compared) {
      for (const [, value] of literals.matchAll(/'([^']*)'/g)) {
        expect(
          lines.map((line) => line[field]),
          `${field} in ${name}`,
        ).toContain(value);
      }
    }
    // Every text that is compared was found by the pattern above.
    const quoted = (queries[name] ?? '').match(/tostring\(line\.\w+\) (?:[!=~]=|[!a-z]+) /g) ?? [];
    expect(quoted.length).toBe(compared.length);
  });

  it('is one JSON object a line, which is what the queries look for', () => {
    expect(lines.length).toBeGreaterThan(12);
    for (const line of lines) expect(line).toMatchObject({ level: expect.any(String), message: expect.any(String) });
  });
});
