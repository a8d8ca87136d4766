import { randomUUID } from 'node:crypto';
import { BlobServiceClient } from '@azure/storage-blob';
import { expect, inject } from 'vitest';
import { ConversationsApi } from '../../src/lib/elevenlabs/conversations.ts';
import type { Limits } from '../../src/lib/elevenlabs/transport.ts';
import type { ReconcileContext } from '../../src/lib/reconcile/context.ts';
import { type RunEnd, reconcile } from '../../src/lib/reconcile/reconcile.ts';
import { openServices, type Services } from '../../src/lib/services.ts';
import type { RetryBudget } from '../../src/lib/storage/blobStorage.ts';
import { sweepIncoming } from '../../src/lib/storage/incoming.ts';
import { upkeep } from '../../src/lib/storage/proof.ts';
import { StateStore } from '../../src/lib/storage/stateStore.ts';
import type { LogFields } from '../../src/lib/telemetry/log.ts';
import { addConversation, madeUp, type NewConversation } from '../../tools/local/elevenlabs/conversations.ts';
import { type RunningElevenLabs, startElevenLabs } from '../../tools/local/elevenlabs/server.ts';
import { contentOf } from './drafts.ts';

const AREAS = ['TRANSCRIPT', 'AUDIO', 'CALL_FAILURE', 'QUARANTINE', 'INCOMING', 'OTHER_EVENTS', 'STATE'] as const;
const USUAL_BUDGET = { totalMs: 8_000, tryMs: 4_000 };
export const HOUR = 3600;
export const DAY = 24 * HOUR;

interface Line {
  readonly level: string;
  readonly fields: LogFields;
}

interface InstanceOptions {
  readonly settings?: Record<string, string | undefined>;
  /** In place of the stand-in's and Azurite's own addresses. */
  readonly apiUrl?: string;
  readonly storage?: string;
  readonly limits?: Partial<Limits>;
  readonly storageBudget?: RetryBudget;
  /** From then on nothing more reaches storage. */
  readonly dead?: AbortSignal;
}

/** Reconciliation with a stand-in for ElevenLabs, folders of its own in Azurite, and a clock that a test moves on. */
export interface ReconcileApp {
  readonly api: RunningElevenLabs;
  readonly agentId: string;
  readonly container: string;
  readonly clock: { now: number };
  /** The settings of an instance. */
  environment(options?: Pick<InstanceOptions, 'settings' | 'apiUrl' | 'storage'>): Record<string, string | undefined>;
  open(options?: InstanceOptions): Services & { readonly reconciliation: ReconcileContext };
  /** A call of this app's agent, which ended two hours ago unless told otherwise. */
  call(call?: Partial<NewConversation>): string;
  run(
    services?: ReturnType<ReconcileApp['open']>,
    limitMs?: number,
  ): Promise<{ end: RunEnd; lines: Line[]; summary: LogFields }>;
  put(name: string, text?: string, metadata?: Record<string, string>): Promise<void>;
  /** What is there besides the app's own state, by its path in the container. */
  stored(): Promise<Map<string, Awaited<ReturnType<typeof contentOf>>[number]>>;
  /** Whatever went wrong before: in the end all calls are here, whole, once, and nothing else is. */
  expectWhole(ids: readonly string[]): Promise<void>;
  /** What the sweep does an hour later. */
  sweepIncoming(): Promise<void>;
  /** Forgets what is stored, the state as well. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function startReconcileApp(): Promise<ReconcileApp> {
  const api = await startElevenLabs({ port: 0, apiKey: 'sk_key_of_the_test' });
  const container = `reconcile-${randomUUID().slice(0, 8)}`;
  const agentId = `agent_${randomUUID().slice(0, 8)}`;
  const clock = { now: Date.now() };
  const blobs = BlobServiceClient.fromConnectionString(inject('storage')).getContainerClient(container);
  await blobs.createIfNotExists();
  const environment: ReconcileApp['environment'] = ({
    settings,
    apiUrl = api.url,
    storage = inject('storage'),
  } = {}) => ({
    ELEVENLABS_WEBHOOK_SECRET: 'wsec_of_the_webhook',
    ELEVENLABS_API_KEY: 'sk_key_of_the_test',
    ELEVENLABS_API_BASE_URL: apiUrl,
    CallStorage: storage,
    ENABLE_AUDIO_STORAGE: 'true',
    ENABLE_RECONCILIATION: 'true',
    RECONCILE_AGENT_IDS: agentId,
    ...Object.fromEntries(AREAS.map((area) => [`${area}_STORAGE_PATH`, `${container}/${area.toLowerCase()}`])),
    ...settings,
  });
  const open = (options: InstanceOptions = {}) => {
    const { apiUrl = api.url, limits, storageBudget = USUAL_BUDGET } = options;
    const services = openServices(environment(options), { now: () => clock.now, storageBudget });
    const { reconciliation } = services;
    if (reconciliation === undefined) throw new Error(JSON.stringify(services.configuration.reconciliation.problems));
    const { apiKey } = reconciliation.settings.elevenLabs;
    const conversations = new ConversationsApi({ apiKey, baseUrl: apiUrl, limits, retries: { firstDelayMs: 10 } });
    const bound = options.dead === undefined ? reconciliation.storage : reconciliation.storage.until(options.dead);
    const state = new StateStore(upkeep(), bound, reconciliation.settings.statePath);
    return { ...services, reconciliation: { ...reconciliation, storage: bound, state, api: conversations } };
  };
  let runs = 0;
  return {
    api,
    agentId,
    container,
    clock,
    environment,
    open,
    call: (call = {}) => {
      const startedAt = Math.floor(clock.now / 1000) - 2 * HOUR;
      return addConversation(api.state, { agentId, startedAt, ...call });
    },
    run: async (services = open(), limitMs = 60_000) => {
      const lines: Line[] = [];
      const log = {
        write: (level: string, message: string, fields: LogFields = {}) => {
          if (message === 'reconcile') lines.push({ level, fields });
        },
      };
      const end = await reconcile(services.reconciliation, { id: `run-${++runs}-${randomUUID()}`, log, limitMs });
      return { end, lines, summary: lines.at(-1)?.fields ?? {} };
    },
    put: async (name, text = '', metadata = {}) => {
      await blobs.getBlockBlobClient(name).upload(text, Buffer.byteLength(text), { metadata });
    },
    stored: async () => {
      const content = await contentOf(container);
      return new Map(content.filter(({ name }) => !name.startsWith('state/')).map((blob) => [blob.name, blob]));
    },
    expectWhole: async (ids) => {
      const content = await contentOf(container);
      const stored = new Map(content.filter(({ name }) => !name.startsWith('state/')).map((blob) => [blob.name, blob]));
      const names = ids.flatMap((id) => [`transcript/${agentId}/${id}.json`, `audio/${agentId}/${id}.mp3`]);
      expect([...stored.keys()].sort()).toEqual(names.sort());
      for (const id of ids) {
        const { audio, detail } = api.state.conversations.get(id) ?? { audio: 0, detail: '' };
        const recording = stored.get(`audio/${agentId}/${id}.mp3`)?.bytes;
        expect(recording?.equals(Buffer.concat([...madeUp(id, Number(audio))]))).toBe(true);
        expect(stored.get(`transcript/${agentId}/${id}.json`)?.bytes.toString()).toContain(String(detail));
      }
    },
    sweepIncoming: async () => {
      const { storage, store } = open().reconciliation;
      await sweepIncoming(storage, store.paths.incoming, { olderThanMs: 0, now: Date.now() + HOUR * 1000 });
    },
    clear: async () => {
      for await (const { name } of blobs.listBlobsFlat()) await blobs.deleteBlob(name);
    },
    close: () => api.close(),
  };
}
