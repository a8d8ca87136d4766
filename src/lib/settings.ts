import { z } from 'zod';

/** A setting that is missing or wrong, by name and never with its value. */
interface SettingProblem {
  readonly setting: string;
  readonly message: string;
}

/** A container, and the folder in it that ends in a slash (or is empty). */
export interface StoragePath {
  readonly container: string;
  readonly prefix: string;
}

/** How to reach the storage account: with its keys, or with an identity and Azure RBAC. */
export type StorageConnection =
  | { readonly kind: 'connection-string'; readonly connectionString: string }
  | {
      readonly kind: 'identity';
      readonly blobServiceUri: string;
      readonly clientId?: string;
      readonly managed: boolean;
    };

export interface SignaturePolicy {
  readonly secrets: readonly string[];
  readonly toleranceSeconds: number;
  readonly futureSkewSeconds: number;
}

type StorageArea = 'transcripts' | 'audio' | 'callFailures' | 'quarantine' | 'incoming' | 'otherEvents';

export interface PostCallSettings {
  readonly signature: SignaturePolicy;
  readonly connection: StorageConnection;
  readonly paths: Readonly<Record<StorageArea, StoragePath>>;
  readonly storesTranscripts: boolean;
  readonly storesAudio: boolean;
  /** Largest body that the app reads: 64 KiB under the host's own limit, above which the host answers 500 (A§4.4). */
  readonly bodyLimitBytes: number;
}

export interface PreCallSettings {
  readonly signature: SignaturePolicy;
  readonly connection: StorageConnection;
  readonly elevenLabs: { readonly apiKey: string; readonly baseUrl: string };
  readonly sample: { readonly minSeconds: number; readonly maxBytes: number };
  /** With the placeholders {name}, {date_of_birth} and {phone_number}. */
  readonly greeting: string;
  readonly samplePath: StoragePath;
  readonly storesSamples: boolean;
  readonly statePath: StoragePath;
  /** `patch` changes the agent itself, `override` only says what the switch is to pass on. */
  readonly agentUpdate: 'patch' | 'override';
  readonly leaseMs: number;
  readonly deletesClones: boolean;
  /** Keep so many voice slots free; 0 is off. */
  readonly slotsReserve: number;
  /** Where post-call keeps what tells that a call has ended. */
  readonly callPaths: Pick<Record<StorageArea, StoragePath>, 'transcripts' | 'audio' | 'callFailures'>;
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

type Environment = Readonly<Record<string, string | undefined>>;

const HOST_BODY_LIMIT_BYTES = 104_857_600;
const HEADROOM_BYTES = 64 * 1024;
const BYTES_PER_MB = 1024 * 1024;
const MAX_SECRETS = 4;
const DEFAULT_SWEEP_SCHEDULE = '0 */5 * * * *';

const boolean = (fallback: boolean) =>
  z
    .string()
    .transform((text) => text.trim().toLowerCase())
    .pipe(z.enum(['true', 'false'], { error: 'must be true or false' }))
    .transform((text) => text === 'true')
    .default(fallback);

const wholeNumber = (fallback: number, least = 0) =>
  z
    .string()
    .regex(/^\s*\d{1,15}\s*$/, 'must be a whole number, digits only')
    .transform(Number)
    .refine((value) => value >= least, `must be at least ${least}`)
    .default(fallback);

const storagePath = (fallback: string) =>
  z
    .string()
    .transform((text) => text.trim().replace(/^\/+|\/+$/g, ''))
    .transform((text, context): StoragePath => {
      const [container = '', ...folders] = text.split('/');
      if (!/^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$/.test(container)) {
        context.addIssue('must begin with a container name: 3 to 63 lower-case letters, digits and single hyphens');
      }
      if (folders.some((folder) => !/^[A-Za-z0-9._-]{1,200}$/.test(folder) || /^\.+$/.test(folder))) {
        context.addIssue('folders after the container may hold letters, digits, dots, hyphens and underscores');
      }
      return { container, prefix: folders.map((folder) => `${folder}/`).join('') };
    })
    .prefault(fallback);

const secrets = z
  .string({ error: 'is required: the secret that ElevenLabs showed when the webhook was created' })
  .transform((text) => text.split(','))
  .superRefine((list, context) => {
    if (list.some((secret) => secret === '')) context.addIssue('holds an empty secret: look for a stray comma');
    if (list.some((secret) => secret !== secret.trim())) {
      context.addIssue('has white space or a line break at an end of a secret: paste it again without it');
    }
    if (list.length > MAX_SECRETS) context.addIssue(`holds more than ${MAX_SECRETS} secrets`);
  });

const deliverySettings = z
  .object({
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
  })
  .superRefine(({ INCOMING_STORAGE_PATH: incoming, ...others }, context) => {
    for (const path of [
      others.TRANSCRIPT_STORAGE_PATH,
      others.AUDIO_STORAGE_PATH,
      others.CALL_FAILURE_STORAGE_PATH,
      others.QUARANTINE_STORAGE_PATH,
      others.OTHER_EVENTS_STORAGE_PATH,
    ]) {
      if (path.container !== incoming.container || !path.prefix.startsWith(incoming.prefix)) continue;
      context.addIssue({
        code: 'custom',
        path: ['INCOMING_STORAGE_PATH'],
        message: 'must be a place of its own: sweep empties it',
      });
      return;
    }
  });

const decimal = (fallback: number) =>
  z
    .string()
    .regex(/^\s*\d{1,9}(\.\d{1,9})?\s*$/, 'must be a number with a decimal point, such as 3.0')
    .transform(Number)
    .refine((value) => value > 0, 'must be more than 0')
    .default(fallback);

const preCallSettings = z.object({
  ELEVENLABS_PRECALL_WEBHOOK_SECRET: secrets.optional(),
  ELEVENLABS_API_KEY: z
    .string({ error: 'is required for pre-call: an API key of ElevenLabs' })
    .refine((key) => !/\s/.test(key), 'has white space or a line break in it: paste it again without it'),
  ELEVENLABS_API_BASE_URL: z
    .string()
    .refine((text) => /^https:\/\/[^\s/?#@]+\/?$|^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?\/?$/.test(text), {
      error: 'must be an https address without a path (or http on loopback, for a stand-in)',
    })
    .default('https://api.elevenlabs.io'),
  VOICE_CLONE_MIN_DURATION: decimal(3),
  VOICE_CLONE_MAX_SIZE_MB: decimal(10),
  DEFAULT_FIRST_MESSAGE: z
    .string()
    .max(1000, 'must be at most 1000 characters')
    .default('Hallo {name}, fijn dat je belt!'),
  ENABLE_VOICE_SAMPLE_STORAGE: boolean(false),
  VOICE_SAMPLE_STORAGE_PATH: storagePath('voice-samples'),
  PRECALL_STATE_STORAGE_PATH: storagePath('precall-state'),
  PRECALL_AGENT_UPDATE: z.enum(['patch', 'override'], { error: 'must be patch or override' }).default('patch'),
  VOICE_LEASE_MINUTES: wholeNumber(15, 1),
  VOICE_CLONE_AUTO_DELETE: boolean(false),
  VOICE_SLOTS_RESERVE: wholeNumber(0),
});

const operatingSettings = z.object({
  LOG_LEVEL: z
    .string()
    .transform((text) => text.trim().toUpperCase())
    .pipe(z.enum(['DEBUG', 'INFO', 'WARNING', 'ERROR'], { error: 'must be DEBUG, INFO, WARNING or ERROR' }))
    .default('INFO'),
  LOG_FORMAT: z
    .string()
    .transform((text) => text.trim().toLowerCase())
    .pipe(z.enum(['text', 'json'], { error: 'must be text or json' }))
    .default('text'),
  SWEEP_SCHEDULE: z
    .string()
    .trim()
    .regex(/^\S+( +\S+){5}$/, 'must be an NCRONTAB expression of six fields, such as 0 */5 * * * *')
    .default(DEFAULT_SWEEP_SCHEDULE),
});

/** Reads the settings of contract §6 from the environment and reports every problem at once. */
export function readSettings(environment: Environment): Configuration {
  const known = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const references = unresolvedReferences(known, { ...deliverySettings.shape, ...operatingSettings.shape });
  const delivery = deliverySettings.safeParse(known);
  const operating = operatingSettings.safeParse(known);
  const connection = readConnection(known);
  const deliveryProblems = [
    ...references,
    ...problemsOf(delivery),
    ...('problem' in connection ? [connection.problem] : []),
  ];
  const preCall = preCallSettings.safeParse(known);
  const preCallProblems = [...unresolvedReferences(known, preCallSettings.shape), ...problemsOf(preCall)];
  const isComplete = delivery.success && !('problem' in connection) && references.length === 0;
  const postCall = isComplete ? postCallSettings(delivery.data, connection) : undefined;
  const isPreCallReady = postCall !== undefined && preCall.success && preCallProblems.length === 0;
  return {
    postCall,
    preCall: isPreCallReady ? readPreCall(preCall.data, postCall) : undefined,
    preCallProblems: onePerSetting(preCallProblems),
    log: operating.success
      ? { level: operating.data.LOG_LEVEL, format: operating.data.LOG_FORMAT }
      : { level: 'INFO', format: 'text' },
    sweepSchedule: operating.success ? operating.data.SWEEP_SCHEDULE : DEFAULT_SWEEP_SCHEDULE,
    problems: onePerSetting([...deliveryProblems, ...problemsOf(operating)]),
  };
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

/** Pre-call shares the storage, the clock's limits and, unless it has its own, the secrets of post-call. */
function readPreCall(values: z.infer<typeof preCallSettings>, postCall: PostCallSettings): PreCallSettings {
  const { transcripts, audio, callFailures } = postCall.paths;
  return {
    signature: {
      ...postCall.signature,
      secrets: values.ELEVENLABS_PRECALL_WEBHOOK_SECRET ?? postCall.signature.secrets,
    },
    connection: postCall.connection,
    elevenLabs: { apiKey: values.ELEVENLABS_API_KEY, baseUrl: values.ELEVENLABS_API_BASE_URL.replace(/\/$/, '') },
    sample: {
      minSeconds: values.VOICE_CLONE_MIN_DURATION,
      maxBytes: Math.floor(values.VOICE_CLONE_MAX_SIZE_MB * BYTES_PER_MB),
    },
    greeting: values.DEFAULT_FIRST_MESSAGE,
    samplePath: values.VOICE_SAMPLE_STORAGE_PATH,
    storesSamples: values.ENABLE_VOICE_SAMPLE_STORAGE,
    statePath: values.PRECALL_STATE_STORAGE_PATH,
    agentUpdate: values.PRECALL_AGENT_UPDATE,
    leaseMs: values.VOICE_LEASE_MINUTES * 60_000,
    deletesClones: values.VOICE_CLONE_AUTO_DELETE,
    slotsReserve: values.VOICE_SLOTS_RESERVE,
    callPaths: { transcripts, audio, callFailures },
  };
}

/**
 * `CallStorage`, else `AzureWebJobsStorage`, spelled as the Functions host spells its own connections: the name alone holds
 * a connection string, `__blobServiceUri` (or `__accountName`) an identity-based one.
 */
function readConnection(environment: Environment): StorageConnection | { problem: SettingProblem } {
  for (const name of ['CallStorage', 'AzureWebJobsStorage']) {
    const connectionString = environment[name];
    if (connectionString !== undefined) {
      if (isConnectionString(connectionString)) return { kind: 'connection-string', connectionString };
      return { problem: { setting: name, message: 'is no storage connection string: copy it again from the account' } };
    }
    const accountName = environment[`${name}__accountName`];
    const uri =
      environment[`${name}__blobServiceUri`] ??
      environment[`${name}__serviceUri`] ??
      (accountName === undefined ? undefined : `https://${accountName}.blob.core.windows.net`);
    if (uri === undefined) continue;
    if (!/^https:\/\/[^\s/?#@]+\/?$/.test(uri)) {
      return { problem: { setting: `${name}__blobServiceUri`, message: 'must be an https address without a path' } };
    }
    const clientId = environment[`${name}__clientId`];
    const managed = environment[`${name}__credential`]?.toLowerCase() === 'managedidentity';
    return { kind: 'identity', blobServiceUri: uri, managed, ...(clientId === undefined ? {} : { clientId }) };
  }
  return {
    problem: {
      setting: 'CallStorage',
      message: 'is required (or AzureWebJobsStorage): a storage connection string, or CallStorage__blobServiceUri',
    },
  };
}

function isConnectionString(text: string): boolean {
  if (/^\s*UseDevelopmentStorage=true\s*;?/i.test(text)) return true;
  const hasAccount = /(^|;)\s*AccountName=[^;]+/i.test(text) && /(^|;)\s*AccountKey=[^;]+/i.test(text);
  const hasSignature = /(^|;)\s*BlobEndpoint=[^;]+/i.test(text) && /(^|;)\s*SharedAccessSignature=[^;]+/i.test(text);
  return hasAccount || hasSignature;
}

/** When the identity may not read the vault yet, the platform hands the reference itself over as the value. */
function unresolvedReferences(environment: Environment, shape: Readonly<Record<string, unknown>>): SettingProblem[] {
  const isStorage = (name: string) =>
    'AUDIO_STORAGE_PATH' in shape && /^(CallStorage|AzureWebJobsStorage)(__|$)/.test(name);
  return Object.entries(environment)
    .filter(([name]) => Object.hasOwn(shape, name) || isStorage(name))
    .filter(([, value]) => value?.trimStart().toLowerCase().startsWith('@microsoft.keyvault('))
    .map(([setting]) => ({
      setting,
      message: 'is an unresolved Key Vault reference: give the identity the role Key Vault Secrets User and restart',
    }));
}

function problemsOf(result: { error?: z.ZodError | undefined }): SettingProblem[] {
  return (result.error?.issues ?? []).map((issue) => ({ setting: String(issue.path[0]), message: issue.message }));
}

function onePerSetting(problems: readonly SettingProblem[]): SettingProblem[] {
  return [...new Map([...problems].reverse().map((problem) => [problem.setting, problem])).values()].reverse();
}
