import * as z from 'zod/mini';
import { type Area, meet, meetingOf, meetings } from './areas.ts';
import { arePublished, secrets } from './secrets.ts';
import { boolean, wholeNumber, word } from './settingFields.ts';
import {
  type Environment,
  problemsOf,
  type SettingProblem,
  type SettingWarning,
  unresolvedReferences,
} from './settingProblems.ts';
import { readConnection, type StorageConnection } from './storageConnection.ts';
import { type StoragePath, storagePath } from './storagePath.ts';

export interface SignaturePolicy {
  readonly secrets: readonly string[];
  readonly toleranceSeconds: number;
  readonly futureSkewSeconds: number;
}

export type StorageArea = 'transcripts' | 'audio' | 'callFailures' | 'quarantine' | 'incoming' | 'otherEvents';

export interface PostCallSettings {
  readonly signature: SignaturePolicy;
  readonly connection: StorageConnection;
  readonly paths: Readonly<Record<StorageArea, StoragePath>>;
  readonly storesTranscripts: boolean;
  readonly storesAudio: boolean;
  /** Whether events of a type that nobody documents are stored, instead of refused after quarantine. */
  readonly keepsUnknownTypes: boolean;
  /**
   * Largest body that the app reads, 64 KiB under the host's own limit: above that the host answers 500 in the app's place
   * (`HttpRequestBodySizeMiddleware.cs` in github.com/Azure/azure-functions-host).
   */
  readonly bodyLimitBytes: number;
}

export const HOST_BODY_LIMIT_BYTES = 104_857_600;
/** 210 MB (https://learn.microsoft.com/azure/azure-functions/functions-scale#service-limits), read leniently. */
const AZURE_BODY_LIMIT_BYTES = 210 * 1024 * 1024;
/** What the host lets through over the largest body that the app reads. */
export const HEADROOM_BYTES = 64 * 1024;
/** A signature that is good for longer than a day is hardly a limit to replays. */
const LONGEST_SECONDS = 86_400;

/** Set by the local runner alone, which listens on loopback. */
const LOCAL_RUNNER = 'ELEVENLABS_WEBHOOK_LOCAL_RUNNER';

const fields = z.object({
  ELEVENLABS_WEBHOOK_SECRET: secrets,
  WEBHOOK_TOLERANCE_SECONDS: wholeNumber(1800, { least: 1 }),
  WEBHOOK_FUTURE_SKEW_SECONDS: wholeNumber(300, { most: LONGEST_SECONDS }),
  TRANSCRIPT_STORAGE_PATH: storagePath('transcripts'),
  AUDIO_STORAGE_PATH: storagePath('audio'),
  CALL_FAILURE_STORAGE_PATH: storagePath('call-failures'),
  QUARANTINE_STORAGE_PATH: storagePath('quarantine'),
  INCOMING_STORAGE_PATH: storagePath('incoming'),
  OTHER_EVENTS_STORAGE_PATH: storagePath('other-events'),
  ENABLE_TRANSCRIPT_STORAGE: boolean(true),
  ENABLE_AUDIO_STORAGE: boolean(false),
  UNKNOWN_EVENT_TYPES: z._default(word(['refuse', 'keep'], 'must be refuse or keep'), 'refuse'),
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: wholeNumber(HOST_BODY_LIMIT_BYTES, {
    least: HEADROOM_BYTES + 1,
    most: AZURE_BODY_LIMIT_BYTES,
  }),
});

export const postCallSettingNames: readonly string[] = Object.keys(fields.shape);

/** Where deliveries go, by the names of their settings: also when another setting has a problem. */
export function postCallAreas(known: Environment): { readonly own: readonly Area[]; readonly others: readonly Area[] } {
  const { shape } = fields;
  const area = (setting: keyof typeof shape & `${string}_STORAGE_PATH`): Area => ({
    setting,
    path: shape[setting].safeParse(known[setting]).data,
  });
  return {
    own: [area('QUARANTINE_STORAGE_PATH'), area('INCOMING_STORAGE_PATH')],
    others: [
      area('TRANSCRIPT_STORAGE_PATH'),
      area('CALL_FAILURE_STORAGE_PATH'),
      area('AUDIO_STORAGE_PATH'),
      area('OTHER_EVENTS_STORAGE_PATH'),
    ],
  };
}

/** Reads what a post-call delivery needs. Any problem makes the endpoint answer 503; a warning never does. */
export function readPostCallSettings(known: Environment): {
  readonly settings: PostCallSettings | undefined;
  readonly problems: readonly SettingProblem[];
  readonly warnings: readonly SettingWarning[];
} {
  const parsed = fields.safeParse(known);
  const connection = readConnection(known);
  const problems = [
    ...unresolvedReferences(known, postCallSettingNames),
    ...problemsOf(parsed),
    ...publishedSecret('ELEVENLABS_WEBHOOK_SECRET', known),
    ...sharedAreas(known),
    ...('setting' in connection ? [connection] : []),
  ];
  const isComplete = parsed.success && !('setting' in connection) && problems.length === 0;
  return {
    settings: isComplete ? combine(parsed.data, connection) : undefined,
    problems,
    warnings: longTolerance(known),
  };
}

/** Outside the local runner anybody who has read the documentation could sign with that secret. */
export function publishedSecret(setting: string, known: Environment): SettingProblem[] {
  if (known[LOCAL_RUNNER] === 'true' || !arePublished(known[setting]?.split(',') ?? [])) return [];
  return [{ setting, message: 'contains the published development secret, which is only for npm start: set your own' }];
}

/** `sweep` empties the one and lists the other; transcripts and failures of a call have the same names. */
function sharedAreas(known: Environment): SettingProblem[] {
  const { own, others } = postCallAreas(known);
  const [transcripts, failures] = others;
  const isMixed = transcripts !== undefined && failures !== undefined && meet(failures, transcripts);
  return [...meetings(own, others), ...(isMixed ? [meetingOf(failures, transcripts)] : [])];
}

function longTolerance(known: Environment): SettingWarning[] {
  const { data } = fields.shape.WEBHOOK_TOLERANCE_SECONDS.safeParse(known['WEBHOOK_TOLERANCE_SECONDS']);
  if (data === undefined || data <= LONGEST_SECONDS) return [];
  const message = `is more than a day: ${LONGEST_SECONDS} is used instead`;
  return [{ setting: 'WEBHOOK_TOLERANCE_SECONDS', message, level: 'ERROR' }];
}

function combine(values: z.infer<typeof fields>, connection: StorageConnection): PostCallSettings {
  return {
    signature: {
      secrets: values.ELEVENLABS_WEBHOOK_SECRET,
      toleranceSeconds: Math.min(values.WEBHOOK_TOLERANCE_SECONDS, LONGEST_SECONDS),
      futureSkewSeconds: values.WEBHOOK_FUTURE_SKEW_SECONDS,
    },
    connection,
    paths: {
      transcripts: values.TRANSCRIPT_STORAGE_PATH,
      audio: values.AUDIO_STORAGE_PATH,
      callFailures: values.CALL_FAILURE_STORAGE_PATH,
      quarantine: values.QUARANTINE_STORAGE_PATH,
      incoming: values.INCOMING_STORAGE_PATH,
      otherEvents: values.OTHER_EVENTS_STORAGE_PATH,
    },
    storesTranscripts: values.ENABLE_TRANSCRIPT_STORAGE,
    storesAudio: values.ENABLE_AUDIO_STORAGE,
    keepsUnknownTypes: values.UNKNOWN_EVENT_TYPES === 'keep',
    bodyLimitBytes: values.FUNCTIONS_REQUEST_BODY_SIZE_LIMIT - HEADROOM_BYTES,
  };
}
