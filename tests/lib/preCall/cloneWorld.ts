import { createHash } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';
import { vi } from 'vitest';
import { BodyMemory } from '../../../src/lib/bodyMemory.ts';
import { type Conversation, conversations } from '../../../src/lib/preCall/records.ts';
import type { PreCallRequest } from '../../../src/lib/preCall/request.ts';
import type { Sample } from '../../../src/lib/preCall/sample.ts';
import type { PreCallSettings } from '../../../src/lib/preCall/settings.ts';
import { StateStore } from '../../../src/lib/preCall/state.ts';
import type { PreCallWorld, Work } from '../../../src/lib/preCall/world.ts';
import { clientOf, type FakeElevenLabs, fakeElevenLabs, type Operation } from './fakeElevenLabs.ts';
import { type MemoryStorage, memoryStorage } from './memoryStorage.ts';

export const SAMPLE_BYTES = Buffer.from('the voice of a caller');
export const SAMPLE_HASH = createHash('sha256').update(SAMPLE_BYTES).digest('hex');
export const SAMPLE: Sample = {
  format: 'wav',
  contentType: 'audio/wav',
  extension: 'wav',
  durationSeconds: 5,
  sampleRate: 16_000,
  claimDisagrees: false,
};
export const REQUEST: PreCallRequest = {
  conversationId: 'conv_1',
  agentId: 'agent_1',
  caller: { name: 'Ivan' },
  sample: SAMPLE_BYTES,
};
export const INSTALLATION = 'installation_1';
const DEADLINE_MS = 48_000;

export interface CloneWorld {
  readonly world: PreCallWorld;
  readonly state: StateStore;
  readonly storage: MemoryStorage;
  readonly elevenLabs: FakeElevenLabs;
  readonly log: string[];
  /** The names of what was asked of ElevenLabs, in order. */
  asked(): Operation[];
  /** A delivery at work; `end` is its deadline, which the test brings about. */
  work(id: string): Work & { readonly end: () => void };
  /** The record of a conversation that a delivery is at work on for the next minute. */
  atWork(conversation: string, by: string, more?: Partial<Conversation>): Promise<void>;
}

/** For `beforeEach`: time stands still unless the test lets it pass. Returns what sets it going again. */
export function stopTime(): () => void {
  vi.useFakeTimers({ now: new Date('2025-12-10T12:34:56Z') });
  const { setTimeout: realSleep } = timers;
  // Vitest's timers leave those of this module alone.
  timers.setTimeout = sleep as typeof realSleep;
  syncBuiltinESMExports();
  return () => {
    vi.useRealTimers();
    timers.setTimeout = realSleep;
    syncBuiltinESMExports();
  };
}

function sleep(ms: number, value: unknown, { signal }: { signal?: AbortSignal } = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(value), ms);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}

/** Lets all come to pass that needs no time. */
export const settle = () => vi.advanceTimersByTimeAsync(0);

/** Lets as much time pass as the promise needs. */
export async function timeFor<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const end = () => {
    isSettled = true;
  };
  promise.then(end, end);
  await settle();
  for (let steps = 0; !isSettled && steps < 500; steps++) await vi.advanceTimersToNextTimerAsync();
  if (!isSettled) throw new Error('It does not come to an end');
  return promise;
}

/** What the promise was rejected with. */
export function failureOf(promise: Promise<unknown>): Promise<unknown> {
  const failure = promise.then(
    (value) => {
      throw new Error(`It did not fail, but gave ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
  return timeFor(failure);
}

export function cloneWorld(settings: Partial<PreCallSettings> = {}): CloneWorld {
  const storage = memoryStorage();
  const state = new StateStore(storage, { container: 'state', prefix: '' });
  const elevenLabs = fakeElevenLabs();
  const log: string[] = [];
  const world: PreCallWorld = {
    settings: { ...SETTINGS, ...settings },
    storage,
    state,
    elevenLabs: clientOf(elevenLabs),
    bodies: new BodyMemory(1),
    installation: async () => INSTALLATION,
    now: Date.now,
  };
  return {
    world,
    state,
    storage,
    elevenLabs,
    log,
    asked: () => elevenLabs.asked.map(({ operation }) => operation),
    work(id) {
      const deadline = new AbortController();
      return {
        id,
        signal: deadline.signal,
        endsAtMs: performance.now() + DEADLINE_MS,
        log: { write: (level, message, fields) => void log.push(`${level} ${message} ${JSON.stringify(fields)}`) },
        end: () => deadline.abort(),
      };
    },
    async atWork(conversation, by, more = {}) {
      await state.create(conversations, conversation, {
        agent_id: 'agent_1',
        sample_sha256: SAMPLE_HASH,
        expires_at: Date.now() + SETTINGS.leaseMs,
        claim: { by, until: Date.now() + 60_000 },
        answer: null,
        ended: false,
        ...more,
      });
    },
  };
}

const path = (container: string) => ({ container, prefix: '' });

const SETTINGS: PreCallSettings = {
  signature: { secrets: [], toleranceSeconds: 1800, futureSkewSeconds: 300 },
  elevenLabs: { apiKey: 'key', baseUrl: 'https://elevenlabs.test' },
  sample: { minSeconds: 3, maxBytes: 1_000_000 },
  greeting: 'Hello {name}!',
  samplePath: path('samples'),
  storesSamples: false,
  statePath: path('state'),
  agentUpdate: 'patch',
  leaseMs: 900_000,
  deletesClones: false,
  slotsReserve: 0,
  callPaths: { transcripts: path('transcripts'), audio: path('audio'), callFailures: path('call-failures') },
};
