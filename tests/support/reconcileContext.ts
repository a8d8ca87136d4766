import { randomUUID } from 'node:crypto';
import { BlobServiceClient } from '@azure/storage-blob';
import { inject } from 'vitest';
import { ConversationsApi } from '../../src/lib/elevenlabs/conversations.ts';
import type { Limits } from '../../src/lib/elevenlabs/transport.ts';
import type { ReconcileContext } from '../../src/lib/reconcile/context.ts';
import { type RunEnd, reconcile } from '../../src/lib/reconcile/reconcile.ts';
import { openServices, type Services } from '../../src/lib/services.ts';
import { StateStore } from '../../src/lib/storage/stateStore.ts';
import type { LogFields } from '../../src/lib/telemetry/log.ts';
import { addConversation, type NewConversation } from '../../tools/local/elevenlabs/conversations.ts';
import { type RunningElevenLabs, startElevenLabs } from '../../tools/local/elevenlabs/server.ts';
import { contentOf } from './drafts.ts';

const AREAS = ['TRANSCRIPT', 'AUDIO', 'CALL_FAILURE', 'QUARANTINE', 'INCOMING', 'OTHER_EVENTS', 'STATE'] as const;
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
  /** From then on nothing more reaches storage. */
  readonly dead?: AbortSignal;
}

/** Reconciliation with a stand-in for ElevenLabs, folders of its own in Azurite, and a clock that a test moves on. */
export interface ReconcileApp {
  readonly api: RunningElevenLabs;
  readonly agentId: string;
  readonly container: string;
  readonly clock: { now: number };
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
  close(): Promise<void>;
}

export async function startReconcileApp(): Promise<ReconcileApp> {
  const api = await startElevenLabs({ port: 0, apiKey: 'sk_key_of_the_test' });
  const container = `reconcile-${randomUUID().slice(0, 8)}`;
  const agentId = `agent_${randomUUID().slice(0, 8)}`;
  const clock = { now: Date.now() };
  const blobs = BlobServiceClient.fromConnectionString(inject('storage')).getContainerClient(container);
  await blobs.createIfNotExists();
  const open = (options: InstanceOptions = {}) => {
    const { settings, apiUrl = api.url, storage = inject('storage'), limits } = options;
    const storageBudget = { totalMs: 8_000, tryMs: 4_000 };
    const environment = {
      ELEVENLABS_WEBHOOK_SECRET: 'wsec_of_the_webhook',
      ELEVENLABS_API_KEY: 'sk_key_of_the_test',
      ELEVENLABS_API_BASE_URL: api.url,
      CallStorage: storage,
      ENABLE_AUDIO_STORAGE: 'true',
      ENABLE_RECONCILIATION: 'true',
      RECONCILE_AGENT_IDS: agentId,
      ...Object.fromEntries(AREAS.map((area) => [`${area}_STORAGE_PATH`, `${container}/${area.toLowerCase()}`])),
      ...settings,
    };
    const services = openServices(environment, { now: () => clock.now, storageBudget });
    const { reconciliation } = services;
    if (reconciliation === undefined) throw new Error(JSON.stringify(services.configuration.reconciliation.problems));
    const { apiKey } = reconciliation.settings.elevenLabs;
    const conversations = new ConversationsApi({ apiKey, baseUrl: apiUrl, limits, retries: { firstDelayMs: 10 } });
    const bound = options.dead === undefined ? reconciliation.storage : reconciliation.storage.until(options.dead);
    const state = new StateStore(bound, reconciliation.settings.statePath);
    return { ...services, reconciliation: { ...reconciliation, storage: bound, state, api: conversations } };
  };
  let runs = 0;
  return {
    api,
    agentId,
    container,
    clock,
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
    close: () => api.close(),
  };
}
