import type { ElevenLabsClient } from '../elevenlabs/client.ts';
import type { Call } from '../elevenlabs/transport.ts';
import type { BlobStorage } from '../storage/blobStorage.ts';
import type { Log } from '../telemetry/log.ts';
import type { PreCallSettings } from './settings.ts';
import type { StateStore } from './state.ts';

/** What pre-call works with; shared by all its deliveries and the sweep. */
export interface PreCallWorld {
  readonly settings: PreCallSettings;
  readonly storage: BlobStorage;
  readonly state: StateStore;
  readonly elevenLabs: ElevenLabsClient;
  /** Asked once a process. */
  readonly installation: () => Promise<string>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
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
