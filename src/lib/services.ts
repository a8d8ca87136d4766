import { type Configuration, type PostCallSettings, readSettings } from './settings.ts';
import type { RetryBudget } from './storage/blobStorage.ts';
import { type CallStore, openCallStore } from './storage/callStore.ts';

/** The world that the functions of a process share. */
export interface Services {
  readonly configuration: Configuration;
  readonly postCall: { readonly settings: PostCallSettings; readonly store: CallStore } | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface ServiceOptions {
  readonly now?: () => number;
  readonly storageBudget?: RetryBudget;
}

export function openServices(
  environment: Readonly<Record<string, string | undefined>>,
  options: ServiceOptions = {},
): Services {
  const configuration = readSettings(environment);
  const settings = configuration.postCall;
  return {
    configuration,
    postCall: settings === undefined ? undefined : { settings, store: openCallStore(settings, options.storageBudget) },
    now: options.now ?? Date.now,
  };
}
