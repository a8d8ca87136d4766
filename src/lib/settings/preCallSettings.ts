import * as z from 'zod/mini';
import { type Area, meetings } from './areas.ts';
import { remembersCallers } from './callersSettings.ts';
import { type ElevenLabsSettings, elevenLabsFields, elevenLabsOf } from './elevenLabsSettings.ts';
import { type PostCallSettings, publishedSecret, type SignaturePolicy, type StorageArea } from './postCallSettings.ts';
import { secrets } from './secrets.ts';
import { agentIds, boolean, decimal, wholeNumber } from './settingFields.ts';
import {
  type Environment,
  onePerSetting,
  problemsOf,
  type SettingProblem,
  type SettingWarning,
  unresolvedReferences,
} from './settingProblems.ts';
import { type StoragePath, storagePath } from './storagePath.ts';

export interface PreCallSettings {
  readonly signature: SignaturePolicy;
  readonly elevenLabs: ElevenLabsSettings;
  readonly sample: { readonly minSeconds: number; readonly maxBytes: number };
  /** Largest body that pre-call reads. */
  readonly bodyLimitBytes: number;
  /** With the placeholders {name}, {date_of_birth} and {phone_number}. */
  readonly greeting: string;
  readonly samplePath: StoragePath;
  readonly storesSamples: boolean;
  readonly statePath: StoragePath;
  /** `patch` changes the agent itself, `override` only says what the switch is to pass on. */
  readonly agentUpdate: 'patch' | 'override';
  /** The agents that pre-call may change or name; empty: every agent that the key reaches. */
  readonly agentIds: readonly string[];
  readonly leaseMs: number;
  readonly deletesClones: boolean;
  /** Keep so many voice slots free; 0 is off. */
  readonly slotsReserve: number;
  /** Where post-call keeps what tells that a call has ended. */
  readonly callPaths: Pick<Record<StorageArea, StoragePath>, 'transcripts' | 'audio' | 'callFailures'>;
}

const BYTES_PER_MB = 1024 * 1024;
const BODY_LIMIT_BYTES = 15 * BYTES_PER_MB;
/** What a form has besides the sample: the metadata and the lines between the parts. */
const FORM_BYTES = 64 * 1024;

const fields = z.object({
  ELEVENLABS_PRECALL_WEBHOOK_SECRET: z.optional(secrets),
  ...elevenLabsFields('pre-call'),
  VOICE_CLONE_MIN_DURATION: decimal(3, { most: 600 }),
  VOICE_CLONE_MAX_SIZE_MB: decimal(10, { most: (BODY_LIMIT_BYTES - FORM_BYTES) / BYTES_PER_MB }),
  DEFAULT_FIRST_MESSAGE: z._default(
    z.string().check(z.maxLength(1000, 'must be at most 1000 characters')),
    'Hallo {name}, fijn dat je belt!',
  ),
  ENABLE_VOICE_SAMPLE_STORAGE: boolean(false),
  VOICE_SAMPLE_STORAGE_PATH: storagePath('voice-samples'),
  PRECALL_STATE_STORAGE_PATH: storagePath('precall-state'),
  PRECALL_AGENT_UPDATE: z._default(z.enum(['patch', 'override'], { error: 'must be patch or override' }), 'patch'),
  PRECALL_AGENT_IDS: agentIds,
  VOICE_LEASE_MINUTES: wholeNumber(15, { least: 1, most: 1440 }),
  VOICE_CLONE_AUTO_DELETE: boolean(false),
  VOICE_SLOTS_RESERVE: wholeNumber(0, { most: 10_000 }),
});

export const preCallSettingNames: readonly string[] = Object.keys(fields.shape);

/**
 * Reads the settings that only pre-call needs. A problem in one of them makes only pre-call answer 503: it never costs a
 * post-call delivery. `areas` are all the others.
 */
export function readPreCallSettings(
  known: Environment,
  postCall: PostCallSettings | undefined,
  areas: readonly Area[],
): {
  readonly settings: PreCallSettings | undefined;
  readonly problems: readonly SettingProblem[];
  readonly warnings: readonly SettingWarning[];
} {
  const parsed = fields.safeParse(known);
  const problems = [
    ...unresolvedReferences(known, preCallSettingNames),
    ...problemsOf(parsed),
    ...publishedSecret('ELEVENLABS_PRECALL_WEBHOOK_SECRET', known),
    ...sampleOver(postCall, parsed.data),
    ...meetings(preCallAreas(known), areas),
    ...(parsed.data?.VOICE_CLONE_AUTO_DELETE && remembersCallers(known) ? [REMEMBERS_WHAT_IT_DELETES] : []),
  ];
  if (postCall === undefined || !parsed.success || problems.length > 0) {
    return { settings: undefined, problems: onePerSetting(problems), warnings: [] };
  }
  const settings = combine(parsed.data, postCall);
  return { settings, problems: [], warnings: warningsOf(settings, postCall.signature.secrets) };
}

const REMEMBERS_WHAT_IT_DELETES: SettingProblem = {
  setting: 'REMEMBER_CALLERS',
  message:
    'cannot be true together with VOICE_CLONE_AUTO_DELETE: a voice that is remembered is not deleted after its call',
};

/** Where pre-call keeps what is its own: also when another setting has a problem. */
export function preCallAreas(known: Environment): Area[] {
  const { shape } = fields;
  return (['PRECALL_STATE_STORAGE_PATH', 'VOICE_SAMPLE_STORAGE_PATH'] as const).map((setting) => ({
    setting,
    path: shape[setting].safeParse(known[setting]).data,
  }));
}

function bodyLimitOf(postCall: PostCallSettings): number {
  return Math.min(BODY_LIMIT_BYTES, postCall.bodyLimitBytes);
}

/** A sample that the host's own limit does not let through could never be as large as the setting says. */
function sampleOver(
  postCall: PostCallSettings | undefined,
  values: Partial<z.infer<typeof fields>> = {},
): SettingProblem[] {
  const { VOICE_CLONE_MAX_SIZE_MB: megabytes } = values;
  if (postCall === undefined || megabytes === undefined) return [];
  if (megabytes * BYTES_PER_MB <= bodyLimitOf(postCall) - FORM_BYTES) return [];
  const message = 'is more than FUNCTIONS_REQUEST_BODY_SIZE_LIMIT lets through';
  return [{ setting: 'VOICE_CLONE_MAX_SIZE_MB', message }];
}

/** Pre-call works with these, and an operator should know what that means. */
function warningsOf(settings: PreCallSettings, postCallSecrets: readonly string[]): SettingWarning[] {
  const largestInJson = ((settings.bodyLimitBytes - FORM_BYTES) * 3) / 4;
  const found: Record<string, string | undefined> = {
    ELEVENLABS_PRECALL_WEBHOOK_SECRET: settings.signature.secrets.some((secret) => postCallSecrets.includes(secret))
      ? 'is not set, or shares a secret with ELEVENLABS_WEBHOOK_SECRET: whoever signs for the telephone switch can sign transcripts, too'
      : undefined,
    PRECALL_AGENT_IDS:
      settings.agentIds.length === 0 ? 'is empty: pre-call may change every agent that the API key reaches' : undefined,
    DEFAULT_FIRST_MESSAGE: /\{\{|\}\}/.test(settings.greeting)
      ? 'has double braces: ElevenLabs fills them from dynamic variables, and a call that lacks one ends'
      : undefined,
    VOICE_CLONE_MAX_SIZE_MB:
      settings.sample.maxBytes > largestInJson
        ? `is more than a JSON body can carry (${(Math.floor((largestInJson / BYTES_PER_MB) * 10) / 10).toFixed(1)}): larger samples must be sent as a form`
        : undefined,
  };
  return Object.entries(found).flatMap(([setting, message]) =>
    message === undefined ? [] : [{ setting, message, level: 'WARNING' }],
  );
}

/** Pre-call shares the storage, the clock's limits and, unless it has its own, the secrets of post-call. */
function combine(values: z.infer<typeof fields>, postCall: PostCallSettings): PreCallSettings {
  const { transcripts, audio, callFailures } = postCall.paths;
  return {
    signature: {
      ...postCall.signature,
      secrets: values.ELEVENLABS_PRECALL_WEBHOOK_SECRET ?? postCall.signature.secrets,
    },
    elevenLabs: elevenLabsOf(values),
    sample: {
      minSeconds: values.VOICE_CLONE_MIN_DURATION,
      maxBytes: Math.floor(values.VOICE_CLONE_MAX_SIZE_MB * BYTES_PER_MB),
    },
    bodyLimitBytes: bodyLimitOf(postCall),
    greeting: values.DEFAULT_FIRST_MESSAGE,
    samplePath: values.VOICE_SAMPLE_STORAGE_PATH,
    storesSamples: values.ENABLE_VOICE_SAMPLE_STORAGE,
    statePath: values.PRECALL_STATE_STORAGE_PATH,
    agentUpdate: values.PRECALL_AGENT_UPDATE,
    agentIds: values.PRECALL_AGENT_IDS,
    leaseMs: values.VOICE_LEASE_MINUTES * 60_000,
    deletesClones: values.VOICE_CLONE_AUTO_DELETE,
    slotsReserve: values.VOICE_SLOTS_RESERVE,
    callPaths: { transcripts, audio, callFailures },
  };
}
