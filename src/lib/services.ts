import { type Configuration, type PostCallSettings, readSettings } from './settings.ts';
import { type CallStore, openCallStore } from './storage/callStore.ts';

/** The world that the functions of a process share. */
export interface Services {
  readonly configuration: Configuration;
  readonly postCall: { readonly settings: PostCallSettings; readonly store: CallStore } | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function openServices(environment: Readonly<Record<string, string | undefined>>, now = Date.now): Services {
  const configuration = readSettings(environment);
  const settings = configuration.postCall;
  return {
    configuration,
    postCall: settings === undefined ? undefined : { settings, store: openCallStore(settings) },
    now,
  };
}

/** Read when the app module loads: on a warm placeholder the environment is complete only then (A§4.1). */
export const services = openServices(process.env);

for (const { setting, message } of services.configuration.problems)
  console.error(`error: setting ${setting} ${message}`);
