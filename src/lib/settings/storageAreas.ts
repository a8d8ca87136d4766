import { postCallAreas } from './postCallSettings.ts';
import type { Environment } from './settingProblems.ts';
import { type StoragePath, storagePath } from './storagePath.ts';

/** Everything that the app keeps, by what it is. */
export interface StorageAreas {
  readonly transcripts: StoragePath;
  readonly audio: StoragePath;
  readonly callFailures: StoragePath;
  readonly quarantine: StoragePath;
  readonly incoming: StoragePath;
  readonly otherEvents: StoragePath;
  readonly samples: StoragePath;
  readonly preCallState: StoragePath;
  readonly state: StoragePath;
  readonly callers: StoragePath;
}

const OTHERS = {
  VOICE_SAMPLE_STORAGE_PATH: storagePath('voice-samples'),
  PRECALL_STATE_STORAGE_PATH: storagePath('precall-state'),
  STATE_STORAGE_PATH: storagePath('state'),
  CALLERS_STORAGE_PATH: storagePath('callers'),
};

/**
 * Where things are kept, whatever else is wrong with the settings: also for commands, which have no secret.
 *
 * @returns the name of the setting when a path is not usable.
 */
export function readStorageAreas(environment: Environment): StorageAreas | { readonly setting: string } {
  const known = Object.fromEntries(Object.entries(environment).filter(([, value]) => value));
  const { own, others } = postCallAreas(known);
  const paths = new Map([...own, ...others].map(({ setting, path }) => [setting, path]));
  for (const [setting, field] of Object.entries(OTHERS)) paths.set(setting, field.safeParse(known[setting]).data);
  const unusable = [...paths].find(([, path]) => path === undefined);
  if (unusable !== undefined) return { setting: unusable[0] };
  const at = (setting: string) => paths.get(setting) as StoragePath; // each is in the map, and none is undefined
  return {
    transcripts: at('TRANSCRIPT_STORAGE_PATH'),
    audio: at('AUDIO_STORAGE_PATH'),
    callFailures: at('CALL_FAILURE_STORAGE_PATH'),
    quarantine: at('QUARANTINE_STORAGE_PATH'),
    incoming: at('INCOMING_STORAGE_PATH'),
    otherEvents: at('OTHER_EVENTS_STORAGE_PATH'),
    samples: at('VOICE_SAMPLE_STORAGE_PATH'),
    preCallState: at('PRECALL_STATE_STORAGE_PATH'),
    state: at('STATE_STORAGE_PATH'),
    callers: at('CALLERS_STORAGE_PATH'),
  };
}
