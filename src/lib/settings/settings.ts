import * as z from 'zod/mini';
import { type PreCallSettings, preCallSettingNames, readPreCallSettings } from './preCallSettings.ts';
import { boolean, secrets, storagePath, wholeNumber, word } from './settingFields.ts';
import {
  type Environment,
  onePerSetting,
  problemsOf,
  type SettingProblem,
  unresolvedReferences,
} from './settingProblems.ts';
import { readConnection, type StorageConnection } from './storageConnection.ts';

/** A container, and the folder in it that ends in a slash (or is empty). */
export interface StoragePath {
  readonly container: string;
  readonly prefix: string;
}

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
  /** Largest body that the app reads: 64 KiB under the host's own limit, above which the host answers 500 (A§4.4). */
  readonly bodyLimitBytes: number;
}

export type LogLevel = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';

export interface LogSettings {
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
}

export interface Configuration {
  /** Undefined when a setting that a delivery needs has a problem. */
  readonly postCall: PostCallSettings | undefined;
  /** Undefined when pre-call is not configured: no API key, or a problem in a setting that it needs. */
  readonly preCall: PreCallSettings | undefined;
  /** Problems in settings that only pre-call reads. */
  readonly preCallProblems: readonly SettingProblem[];
  /** The defaults stand in for values that have a problem, so that a typing error in them costs no delivery. */
  readonly log: LogSettings;
  /** NCRONTAB of the timer-triggered `sweep`. */
  readonly sweepSchedule: string;
  readonly problems: readonly SettingProblem[];
}

export const HOST_BODY_LIMIT_BYTES = 104_857_600;
/** What the host lets through over the largest body that the app reads. */
export const HEADROOM_BYTES = 64 * 1024;
const DEFAULT_SWEEP_SCHEDULE = '0 */5 * * * *';

const deliverySettings = z.object({
  ELEVENLABS_WEBHOOK_SECRET: secrets,
  WEBHOOK_TOLERANCE_SECONDS: wholeNumber(1800, 1),
  WEBHOOK_FUTURE_SKEW_SECONDS: wholeNumber(300),
  TRANSCRIPT_STORAGE_PATH: storagePath('transcripts'),
  AUDIO_STORAGE_PATH: storagePath('audio'),
  CALL_FAILURE_STORAGE_PATH: storagePath('call-failures'),
  QUARANTINE_STORAGE_PATH: storagePath('quarantine'),
  INCOMING_STORAGE_PATH: storagePath('incoming'),
  OTHER_EVENTS_STORAGE_PATH: storagePath('other-events'),
  ENABLE_TRANSCRIPT_STORAGE: boolean(true),
  ENABLE_AUDIO_STORAGE: boolean(false),
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: wholeNumber(HOST_BODY_LIMIT_BYTES, HEADROOM_BYTES + 1),
});

const operatingSettings = z.object({
  LOG_LEVEL: z._default(word(['DEBUG', 'INFO', 'WARNING', 'ERROR'], 'must be DEBUG, INFO, WARNING or ERROR'), 'INFO'),
  LOG_FORMAT: z._default(word(['text', 'json'], 'must be text or json'), 'text'),
  SWEEP_SCHEDULE: z._default(
    z
      .string()
      .check(
        z.trim(),
        z.regex(/^\S+( +\S+){5}$/, 'must be an NCRONTAB expression of six fields, such as 0 */5 * * * *'),
      ),
    DEFAULT_SWEEP_SCHEDULE,
  ),
});

/** Every setting that the app reads by its name; the storage connections have several spellings, see `readConnection`. */
export const settingNames: readonly string[] = [
  ...Object.keys(deliverySettings.shape),
  ...Object.keys(operatingSettings.shape),
  ...preCallSettingNames,
];

/** Reads the settings of contract §6 from the environment and reports every problem at once. */
export function readSettings(environment: Environment): Configuration {
  const known = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const delivery = deliverySettings.safeParse(known);
  const connection = readConnection(known);
  const blocking = [
    ...unresolvedReferences(known, Object.keys(deliverySettings.shape)),
    ...problemsOf(delivery),
    ...overlapOfIncoming(known),
    ...('setting' in connection ? [connection] : []),
  ];
  const isComplete = delivery.success && !('setting' in connection) && blocking.length === 0;
  const postCall = isComplete ? postCallSettings(delivery.data, connection) : undefined;
  const preCall = readPreCallSettings(known, postCall);
  return {
    postCall,
    preCall: preCall.settings,
    preCallProblems: preCall.problems,
    log: { level: operating(known, 'LOG_LEVEL'), format: operating(known, 'LOG_FORMAT') },
    sweepSchedule: operating(known, 'SWEEP_SCHEDULE'),
    problems: onePerSetting([
      ...unresolvedReferences(known, [...Object.keys(operatingSettings.shape), ...storageNames(known)]),
      ...blocking,
      ...problemsOf(operatingSettings.safeParse(known)),
    ]),
  };
}

/** A value that is not usable is as good as none: these settings cost no delivery. */
function operating<K extends keyof typeof operatingSettings.shape>(
  known: Environment,
  name: K,
): z.infer<(typeof operatingSettings.shape)[K]> {
  const field: z.ZodMiniType = operatingSettings.shape[name];
  const parsed = field.safeParse(known[name]);
  return (parsed.success ? parsed.data : field.parse(undefined)) as z.infer<(typeof operatingSettings.shape)[K]>; // of that field
}

function postCallSettings(values: z.infer<typeof deliverySettings>, connection: StorageConnection): PostCallSettings {
  return {
    signature: {
      secrets: values.ELEVENLABS_WEBHOOK_SECRET,
      toleranceSeconds: values.WEBHOOK_TOLERANCE_SECONDS,
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
    bodyLimitBytes: values.FUNCTIONS_REQUEST_BODY_SIZE_LIMIT - HEADROOM_BYTES,
  };
}

/** `sweep` empties the incoming path, so nothing else may be kept there. */
function overlapOfIncoming(known: Environment): SettingProblem[] {
  const { INCOMING_STORAGE_PATH: own, ...fields } = deliverySettings.shape;
  const incoming = own.safeParse(known['INCOMING_STORAGE_PATH']).data;
  const others = Object.entries(fields)
    .filter(([name]) => name.endsWith('_STORAGE_PATH'))
    .map(([name, field]) => (field as typeof own).safeParse(known[name]).data);
  const isShared = others.some(
    (path) => path && incoming && path.container === incoming.container && path.prefix.startsWith(incoming.prefix),
  );
  if (!isShared) return [];
  return [{ setting: 'INCOMING_STORAGE_PATH', message: 'must be a place of its own: sweep empties it' }];
}

function storageNames(environment: Environment): string[] {
  return Object.keys(environment).filter((name) => /^(CallStorage|AzureWebJobsStorage)(__|$)/.test(name));
}
