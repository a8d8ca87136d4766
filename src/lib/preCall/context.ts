import type { CallerDirectory } from '../callers/directory.ts';
import type { ElevenLabsClient } from '../elevenlabs/client.ts';
import type { Call } from '../elevenlabs/transport.ts';
import type { BodyMemory } from '../http/bodyMemory.ts';
import type { PreCallSettings } from '../settings/preCallSettings.ts';
import type { StoragePath } from '../settings/storagePath.ts';
import type { Attempts } from '../storage/blobStorage.ts';
import { StateStore } from '../storage/stateStore.ts';
import type { Log } from '../telemetry/log.ts';

/** What pre-call works with; shared by all its deliveries and the sweep. */
export interface PreCallContext {
  readonly settings: PreCallSettings;
  readonly storage: Attempts;
  readonly state: StateStore;
  readonly elevenLabs: ElevenLabsClient;
  readonly bodies: BodyMemory;
  /** Asked once a process, by whoever comes first. */
  readonly installation: (state: StateStore) => Promise<string>;
  /**
   * What is kept of a caller's number: the first digits of its keyed hash. Undefined without a usable number. Undefined in a
   * context that has no place for the key.
   */
  readonly callerLabel?: ((number: string | undefined) => Promise<string | undefined>) | undefined;
  /** The voices that the directory of callers names: they stay. */
  readonly directoryVoices: () => Promise<ReadonlySet<string>>;
  /** Undefined unless callers are to be remembered. */
  readonly remembering?: Remembering | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What writing callers into the directory needs. */
export interface Remembering {
  readonly directory: CallerDirectory;
  /** `STATE_STORAGE_PATH`: says which conversations were erased. */
  readonly statePath: StoragePath;
}

/** What deleting clones and restoring agents needs of it. */
export type CloneContext = Pick<PreCallContext, 'state' | 'elevenLabs' | 'directoryVoices' | 'now'>;

/** The same context for one piece of work: storage does nothing for it any more once the signal has fired. */
export function contextUntil(end: AbortSignal, context: PreCallContext): PreCallContext {
  const storage = context.storage.until(end);
  const { remembering } = context;
  return {
    ...context,
    storage,
    state: new StateStore(storage, context.settings.statePath),
    remembering: remembering && { ...remembering, directory: remembering.directory.until(end) },
  };
}

/** One piece of work: its deadline, its log, and the id that its locks carry. */
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
