import { randomUUID } from 'node:crypto';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openServices, type Services } from '../../src/lib/services.ts';
import { sweep } from '../../src/lib/sweep.ts';
import type { LogFields } from '../../src/lib/telemetry/log.ts';
import { type FaultProxy, startFaultProxy } from '../support/faultProxy.ts';

const PATHS = ['TRANSCRIPT', 'AUDIO', 'CALL_FAILURE', 'QUARANTINE', 'INCOMING', 'OTHER_EVENTS', 'STATE'];

let blobs: BlobServiceClient;
let proxy: FaultProxy;
beforeAll(async () => {
  blobs = BlobServiceClient.fromConnectionString(inject('storage'));
  proxy = await startFaultProxy(inject('storage'));
});
afterAll(() => proxy.close());

interface Line {
  readonly level: string;
  readonly fields: LogFields;
}

/** An app with containers of its own, and a clock that the test moves on. */
function newApp(settings: Record<string, string | undefined> = {}) {
  const container = `heartbeat-${randomUUID().slice(0, 8)}`;
  const clock = { now: Date.parse('2026-01-01T00:00:00Z') };
  const environment = {
    ELEVENLABS_WEBHOOK_SECRET: 'wsec_of_the_webhook',
    CallStorage: inject('storage'),
    ...Object.fromEntries(PATHS.map((name) => [`${name}_STORAGE_PATH`, `${container}/${name.toLowerCase()}`])),
    ...settings,
  };
  const services = openServices(environment, {
    now: () => clock.now,
    storageBudget: { totalMs: 3_000, tryMs: 1_000 },
  });
  return {
    services,
    clock,
    heartbeat: async (): Promise<{ timers: Record<string, object> }> => {
      const blob = blobs.getContainerClient(container).getBlobClient('state/heartbeat.json');
      return JSON.parse((await blob.downloadToBuffer()).toString());
    },
    put: async (text: string) => {
      await blobs.getContainerClient(container).createIfNotExists();
      const blob = blobs.getContainerClient(container).getBlockBlobClient('state/heartbeat.json');
      await blob.upload(text, Buffer.byteLength(text));
    },
  };
}

/** What the run logged about itself, and whether it failed. */
async function run(services: Services): Promise<{ line: Line | undefined; error: unknown }> {
  const lines: Line[] = [];
  const log = {
    write: (level: string, message: string, fields: LogFields = {}) => {
      if (message === 'sweep' && fields['what'] === 'run') lines.push({ level, fields });
    },
  };
  const error = await sweep(services, log).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(lines).toHaveLength(1);
  return { line: lines[0], error };
}

describe('a run of the sweep that finds everything well', () => {
  it('says so in one line, writes it down, and ends well', async () => {
    const app = newApp();
    const { line, error } = await run(app.services);
    expect(error).toBeUndefined();
    expect(line).toEqual({
      level: 'INFO',
      fields: { outcome: 'ok', what: 'run', health: 'healthy', failing: undefined, settings: undefined, ms: 0 },
    });
    expect(await app.heartbeat()).toEqual({
      timers: {
        sweep: {
          started_at: '2026-01-01T00:00:00.000Z',
          ended_at: '2026-01-01T00:00:00.000Z',
          outcome: 'ok',
          failing: [],
          last_ok_at: '2026-01-01T00:00:00.000Z',
        },
      },
    });
  });

  it('leaves the runs of other timers as they are', async () => {
    const app = newApp();
    const reconcile = {
      started_at: '2025-12-31T00:00:00Z',
      ended_at: '2025-12-31T00:00:01Z',
      outcome: 'failed',
      failing: ['x'],
      last_ok_at: null,
    };
    await app.put(JSON.stringify({ timers: { reconcile } }));
    await run(app.services);
    expect((await app.heartbeat()).timers).toMatchObject({ reconcile, sweep: { outcome: 'ok' } });
  });

  it.each(['', '{', '[]', '{"timers":{"sweep":5}}'])('replaces what cannot be read: %j', async (text) => {
    const app = newApp();
    await app.put(text);
    expect((await run(app.services)).error).toBeUndefined();
    expect((await app.heartbeat()).timers).toMatchObject({ sweep: { outcome: 'ok' } });
  });

  it('is written down once by many at once', async () => {
    const app = newApp();
    const runs = await Promise.all(Array.from({ length: 5 }, () => run(app.services)));
    expect(runs.map(({ error }) => error)).toEqual(Array(5).fill(undefined));
  });
});

describe('a run that does not find everything well', () => {
  it('fails for want of a secret, which /health is red for, and writes it down all the same', async () => {
    const app = newApp({ ELEVENLABS_WEBHOOK_SECRET: '@Microsoft.KeyVault(VaultName=v;SecretName=s)' });
    const { line, error } = await run(app.services);
    expect(error).toMatchObject({ message: expect.stringContaining('settings') });
    expect(line).toMatchObject({
      level: 'ERROR',
      fields: { outcome: 'failed', health: 'unhealthy', failing: 'settings', settings: 'ELEVENLABS_WEBHOOK_SECRET' },
    });
    expect((await app.heartbeat()).timers).toMatchObject({
      sweep: { outcome: 'failed', failing: ['settings'], last_ok_at: null },
    });
  });

  it('names what failed, and still knows when everything was well', async () => {
    const app = newApp({ CallStorage: proxy.connectionString });
    await run(app.services);
    app.clock.now += 300_000;
    proxy.onRequest = (method, target) =>
      method === 'GET' && target.includes('comp=list') ? { kind: 'answer', status: 403 } : undefined;
    const { line, error } = await run(app.services);
    proxy.onRequest = () => undefined;
    expect(error).toMatchObject({ errors: Array(3).fill(expect.objectContaining({ code: 'storage_unavailable' })) });
    expect(line).toMatchObject({
      level: 'ERROR',
      fields: { outcome: 'failed', health: 'healthy', failing: 'incoming,callers,erasures' },
    });
    expect((await app.heartbeat()).timers).toMatchObject({
      sweep: {
        ended_at: '2026-01-01T00:05:00.000Z',
        outcome: 'failed',
        failing: ['incoming', 'callers', 'erasures'],
        last_ok_at: '2026-01-01T00:00:00.000Z',
      },
    });
  });

  it('says so when storage takes nothing at all', async () => {
    const app = newApp({ CallStorage: proxy.connectionString });
    proxy.onRequest = () => ({ kind: 'refuse' });
    const { line, error } = await run(app.services);
    proxy.onRequest = () => undefined;
    expect(error).toBeDefined();
    expect(line).toMatchObject({
      level: 'ERROR',
      fields: { outcome: 'failed', health: 'unhealthy', failing: 'storage,incoming,callers,erasures,heartbeat' },
    });
  });

  it('a place for it that is not its own is not written to', async () => {
    const app = newApp({ STATE_STORAGE_PATH: 'heartbeat-elsewhere', INCOMING_STORAGE_PATH: 'heartbeat-elsewhere' });
    const { line } = await run(app.services);
    expect(line?.fields).toMatchObject({ failing: 'settings', settings: 'STATE_STORAGE_PATH' });
    expect(await blobs.getContainerClient('heartbeat-elsewhere').getBlobClient('heartbeat.json').exists()).toBe(false);
  });
});
