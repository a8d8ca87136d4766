import type { ElevenLabsClient } from '../elevenlabs/client.ts';
import type { Call } from '../elevenlabs/transport.ts';
import type { BodyMemory } from '../http/bodyMemory.ts';
import type { PreCallSettings } from '../settings/preCallSettings.ts';
import type { Attempts } from '../storage/blobStorage.ts';
import { StateStore } from '../storage/stateStore.ts';
import type { Log } from '../telemetry/log.ts';

/** What pre-call works with; shared by all its deliveries and the sweep. */
export interface PreCallWorld {
  readonly settings: PreCallSettings;
  readonly storage: Attempts;
  readonly state: StateStore;
  readonly elevenLabs: ElevenLabsClient;
  readonly bodies: BodyMemory;
  /** Asked once a process, by whoever comes first. */
  readonly installation: (state: StateStore) => Promise<string>;
  /**
   * What is kept of a caller's number: the first digits of its keyed hash. Undefined without a usable number. Undefined in a
   * world that has no place for the key.
   */
  readonly callerLabel?: ((number: string | undefined) => Promise<string | undefined>) | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What deleting clones and restoring agents needs of it. */
export type CloneContext = Pick<PreCallWorld, 'state' | 'elevenLabs' | 'now'>;

/** The same world for one piece of work: storage does nothing for it any more once the signal has fired. */
export function worldUntil(end: AbortSignal, world: PreCallWorld): PreCallWorld {
  const storage = world.storage.until(end);
  return { ...world, storage, state: new StateStore(storage, world.settings.statePath) };
}

/** One piece of work: its deadline, its log, and the id that its claims carry. */
export interface Work {
  readonly id: string;
  readonly signal: AbortSignal;
  /** When the signal fires, by performance.now(): what would end later is not begun. */
  readonly endsAtMs: number;
  readonly log: Log;
}

/** What the client needs of a piece of work: every exchange is logged with its request id. */
export function callOf({ signal, log }: Work): Call {
  return {
    signal,
    onExchange: ({ operation, tries, durationMs, status, requestId }) =>
      log.write('DEBUG', 'elevenlabs', { operation, tries, ms: Math.round(durationMs), status, request: requestId }),
  };
}
