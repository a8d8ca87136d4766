import type { ConversationsApi } from '../elevenlabs/conversations.ts';
import type { CallStore } from '../postCall/callStore.ts';
import type { ReconcileSettings } from '../settings/reconcileSettings.ts';
import type { Attempts } from '../storage/blobStorage.ts';
import type { StateStore } from '../storage/stateStore.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

/** What reconciliation works with. */
export interface ReconcileContext {
  readonly settings: ReconcileSettings;
  readonly store: Pick<CallStore, 'pool' | 'paths' | 'storesTranscripts' | 'storesAudio'>;
  readonly storage: Attempts;
  readonly state: StateStore;
  readonly api: ConversationsApi;
  readonly telemetry?: Pick<Telemetry, 'reconciled'> | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** One run: its id, and when it has to be at its end. */
export interface Run {
  readonly id: string;
  /** Ends everything that is under way. */
  readonly signal: AbortSignal;
  /** Milliseconds that are left, by a clock that nobody sets. */
  readonly msLeft: () => number;
}
