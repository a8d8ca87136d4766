import { ElevenLabsClient } from './elevenlabs/client.ts';
import { type CallStore, openCallStore } from './postCall/callStore.ts';
import { installationId } from './preCall/state/records.ts';
import { StateStore } from './preCall/state/state.ts';
import type { PreCallWorld } from './preCall/world.ts';
import type { PreCallSettings } from './settings/preCallSettings.ts';
import { type Configuration, type PostCallSettings, readSettings } from './settings/settings.ts';
import type { RetryBudget } from './storage/blobStorage.ts';
import type { Telemetry } from './telemetry/telemetry.ts';

/** The world that the functions of a process share. */
export interface Services {
  readonly configuration: Configuration;
  readonly postCall: { readonly settings: PostCallSettings; readonly store: CallStore } | undefined;
  /** Undefined when pre-call is not configured. */
  readonly preCall: PreCallWorld | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Undefined when nobody measures. */
  readonly telemetry?: Telemetry | undefined;
}

export interface ServiceOptions {
  readonly now?: () => number;
  readonly storageBudget?: RetryBudget;
  readonly telemetry?: Telemetry | undefined;
}

export function openServices(
  environment: Readonly<Record<string, string | undefined>>,
  options: ServiceOptions = {},
): Services {
  const configuration = readSettings(environment);
  const { now = Date.now, storageBudget, telemetry } = options;
  const settings = configuration.postCall;
  if (settings === undefined) return { configuration, postCall: undefined, preCall: undefined, now, telemetry };
  const store = openCallStore(settings, { budget: storageBudget, telemetry });
  const preCall = configuration.preCall && openPreCall(configuration.preCall, store, { now, telemetry });
  return { configuration, postCall: { settings, store }, preCall, now, telemetry };
}

function openPreCall(
  settings: PreCallSettings,
  { storage, bodies }: CallStore,
  { now, telemetry }: { now: () => number; telemetry: Telemetry | undefined },
): PreCallWorld {
  const state = new StateStore(storage, settings.statePath);
  let known: Promise<string> | undefined;
  const installation = (by: StateStore) => {
    known ??= installationId(by).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
  const elevenLabs = new ElevenLabsClient({ ...settings.elevenLabs, telemetry });
  return { settings, storage, state, bodies, elevenLabs, installation, now };
}
