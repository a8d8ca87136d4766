import { createHash } from 'node:crypto';
import { BodyMemory } from '../../../src/lib/http/bodyMemory.ts';
import type { DeliveryContext, Work } from '../../../src/lib/preCall/context.ts';
import type { PreCallRequest } from '../../../src/lib/preCall/request/request.ts';
import type { Sample } from '../../../src/lib/preCall/sample/sample.ts';
import * as records from '../../../src/lib/preCall/state/records.ts';
import type { PreCallSettings } from '../../../src/lib/settings/preCallSettings.ts';
import { upkeep } from '../../../src/lib/storage/proof.ts';
import { type RecordKind, StateStore } from '../../../src/lib/storage/stateStore.ts';
import { genuine } from '../../support/drafts.ts';
import { fakeElevenLabs, OURS, OWN } from './fakeElevenLabs.ts';
import { type MemoryStorage, memoryStorage } from './memoryStorage.ts';
import { MINUTE_MS } from './stoppedTime.ts';

export const SAMPLE_BYTES = Buffer.from('the voice of a caller');
export const SAMPLE_HASH = createHash('sha256').update(SAMPLE_BYTES).digest('hex');
export const SAMPLE: Sample = {
  format: 'wav',
  contentType: 'audio/wav',
  extension: 'wav',
  durationSeconds: 5,
  declarationDisagrees: false,
};
export const REQUEST: PreCallRequest = {
  conversationId: 'conv_1',
  agentId: OWN.agentId,
  caller: { name: 'Ivan' },
  sample: SAMPLE_BYTES,
};

const SETTINGS: PreCallSettings = {
  signature: { secrets: [], toleranceSeconds: 1800, futureSkewSeconds: 300 },
  elevenLabs: { apiKey: 'key', baseUrl: 'https://elevenlabs.test' },
  sample: { minSeconds: 3, maxBytes: 1_000_000 },
  bodyLimitBytes: 15_000_000,
  agentIds: [],
  greeting: 'Hello {name}!',
  samplePath: { container: 'samples', prefix: '' },
  storesSamples: false,
  statePath: { container: 'state', prefix: 'pre-call/' },
  agentUpdate: 'patch',
  leaseMs: 15 * MINUTE_MS,
  deletesClones: false,
  slotsReserve: 0,
  callPaths: {
    transcripts: { container: 'calls', prefix: 'transcripts/' },
    audio: { container: 'sound', prefix: 'audio/' },
    callFailures: { container: 'calls', prefix: 'failures/' },
  },
};
const PROOF = await genuine();
const DEADLINE_MS = 48_000;
/** More than any test needs: who asks without a pause is stopped. */
const MOST_OPERATIONS = 5_000;

type StorageOperation = Parameters<MemoryStorage['before']>[0];
export type MemoryContext = ReturnType<typeof memoryContext>;

/** All that pre-call works with, in memory, and the work of one delivery. Its time is that of `stopTime`. */
export function memoryContext(settings: Partial<PreCallSettings> = {}) {
  const storage = memoryStorage();
  const { attempt } = storage;
  let operations = 0;
  storage.attempt = (...given) => {
    if (++operations > MOST_OPERATIONS) throw new Error('Storage is asked without end');
    return attempt(...given);
  };
  const state = new StateStore(upkeep(), storage, SETTINGS.statePath);
  const elevenLabs = fakeElevenLabs();
  const context: DeliveryContext = {
    proof: PROOF,
    settings: { ...SETTINGS, ...settings },
    storage,
    state,
    elevenLabs: elevenLabs.client,
    bodies: new BodyMemory(1),
    installation: async () => OURS.installation,
    directoryVoices: async () => new Set(),
    now: Date.now,
  };
  const log: object[] = [];
  /** The work of a delivery; `end` is its deadline, which the test brings about. */
  const workBy = (id: string): Work & { readonly end: () => void } => {
    const deadline = new AbortController();
    return {
      id,
      signal: deadline.signal,
      endsAtMs: performance.now() + DEADLINE_MS,
      log: { write: (level, message, fields) => void log.push({ level, message, ...fields }) },
      end: () => deadline.abort(),
    };
  };
  return {
    context,
    state,
    storage,
    elevenLabs,
    log,
    work: workBy('us'),
    workBy,
    records: recordsIn(state),
    /** What was asked of ElevenLabs, in order. */
    asked: () => elevenLabs.asked.map(({ request }) => request),
    /** Once, just before the next such operation of storage: what another instance does meanwhile, or an error. */
    beforeNext(operation: StorageOperation, part: string, action: () => unknown): void {
      storage.before = async (found, path) => {
        if (found !== operation || !path.includes(part)) return;
        storage.before = () => undefined;
        await action();
      };
    },
    /** The paths of all such operations from now on. */
    watch(operation: StorageOperation): string[] {
      const paths: string[] = [];
      storage.before = (found, path) => {
        if (found === operation) paths.push(path);
      };
      return paths;
    },
    /** All blobs with this in their path are gone. */
    vanish(part: string): void {
      for (const path of [...storage.blobs.keys()]) if (path.includes(part)) storage.blobs.delete(path);
    },
  };
}

function recordsIn(state: StateStore) {
  /** Whatever stood there before. */
  const put = async <T>(kind: RecordKind<T>, name: string, value: T) => {
    const { isNew, record } = await state.create(kind, name, value);
    if (isNew) return record;
    const replaced = await state.replace(kind, record, value);
    if (replaced === undefined) throw new Error(`${name} is being changed`);
    return replaced;
  };
  const find = async <T>(kind: RecordKind<T>, name: string) => (await state.read(kind, name))?.value;
  const putConversation = (more: Partial<records.Conversation> = {}, name = REQUEST.conversationId) =>
    put(records.conversations, name, {
      agent_id: OWN.agentId,
      sample_sha256: SAMPLE_HASH,
      expires_at: Date.now() + SETTINGS.leaseMs,
      claim: null,
      answer: null,
      ended: false,
      ...more,
    });
  return {
    putConversation,
    /** A conversation that a delivery is at work on for the next minute. */
    putAtWork: (name: string, by: string) => putConversation({ claim: { by, until: Date.now() + MINUTE_MS } }, name),
    putVoice: (value: records.VoiceState, name = SAMPLE_HASH) => put(records.voices, name, value),
    putAgent: (more: Partial<records.AgentState> = {}, name = OWN.agentId) =>
      put(records.agents, name, { ...records.NOTHING_LEASED, ...more }),
    conversation: (name = REQUEST.conversationId) => find(records.conversations, name),
    voice: (name = SAMPLE_HASH) => find(records.voices, name),
    agent: (name = OWN.agentId) => find(records.agents, name),
  };
}
