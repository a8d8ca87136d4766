import * as z from 'zod/mini';
import { idSchema } from '../ids.ts';
import { boolean, decimal, secrets, storagePath, wholeNumber } from './settingFields.ts';
import {
  type Environment,
  onePerSetting,
  problemsOf,
  type SettingProblem,
  unresolvedReferences,
} from './settingProblems.ts';
import type { PostCallSettings, SignaturePolicy, StorageArea, StoragePath } from './settings.ts';

export interface PreCallSettings {
  readonly signature: SignaturePolicy;
  readonly elevenLabs: { readonly apiKey: string; readonly baseUrl: string };
  readonly sample: { readonly minSeconds: number; readonly maxBytes: number };
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

const isId = (text: string) => idSchema.safeParse(text).success;

const preCallSettings = z.object({
  ELEVENLABS_PRECALL_WEBHOOK_SECRET: z.optional(secrets),
  ELEVENLABS_API_KEY: z
    .string({ error: 'is required for pre-call: an API key of ElevenLabs' })
    .check(z.refine((key) => !/\s/.test(key), 'has white space or a line break in it: paste it again without it')),
  ELEVENLABS_API_BASE_URL: z._default(
    z
      .string()
      .check(
        z.regex(
          /^https:\/\/[^\s/?#@]+\/?$|^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?\/?$/,
          'must be an https address without a path (or http on loopback, for a stand-in)',
        ),
      ),
    'https://api.elevenlabs.io',
  ),
  VOICE_CLONE_MIN_DURATION: decimal(3),
  VOICE_CLONE_MAX_SIZE_MB: decimal(10),
  DEFAULT_FIRST_MESSAGE: z._default(
    z.string().check(z.maxLength(1000, 'must be at most 1000 characters')),
    'Hallo {name}, fijn dat je belt!',
  ),
  ENABLE_VOICE_SAMPLE_STORAGE: boolean(false),
  VOICE_SAMPLE_STORAGE_PATH: storagePath('voice-samples'),
  PRECALL_STATE_STORAGE_PATH: storagePath('precall-state'),
  PRECALL_AGENT_UPDATE: z._default(z.enum(['patch', 'override'], { error: 'must be patch or override' }), 'patch'),
  PRECALL_AGENT_IDS: z._default(
    z
      .pipe(
        z.string(),
        z.transform((text) => text.split(',').map((id) => id.trim())),
      )
      .check(z.refine((ids) => ids.every(isId), 'must be ids of agents, separated by commas')),
    [],
  ),
  VOICE_LEASE_MINUTES: wholeNumber(15, 1),
  VOICE_CLONE_AUTO_DELETE: boolean(false),
  VOICE_SLOTS_RESERVE: wholeNumber(0),
});

export const preCallSettingNames: readonly string[] = Object.keys(preCallSettings.shape);

/**
 * Reads the settings that only pre-call needs. A problem in one of them makes only pre-call answer 503: it never costs a
 * post-call delivery.
 */
export function readPreCallSettings(
  known: Environment,
  postCall: PostCallSettings | undefined,
): { readonly settings: PreCallSettings | undefined; readonly problems: readonly SettingProblem[] } {
  const parsed = preCallSettings.safeParse(known);
  const problems = [...unresolvedReferences(known, Object.keys(preCallSettings.shape)), ...problemsOf(parsed)];
  const isReady = postCall !== undefined && parsed.success && problems.length === 0;
  return { settings: isReady ? combine(parsed.data, postCall) : undefined, problems: onePerSetting(problems) };
}

/** Pre-call shares the storage, the clock's limits and, unless it has its own, the secrets of post-call. */
function combine(values: z.infer<typeof preCallSettings>, postCall: PostCallSettings): PreCallSettings {
  const { transcripts, audio, callFailures } = postCall.paths;
  return {
    signature: {
      ...postCall.signature,
      secrets: values.ELEVENLABS_PRECALL_WEBHOOK_SECRET ?? postCall.signature.secrets,
    },
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
    agentIds: values.PRECALL_AGENT_IDS,
    leaseMs: values.VOICE_LEASE_MINUTES * 60_000,
    deletesClones: values.VOICE_CLONE_AUTO_DELETE,
    slotsReserve: values.VOICE_SLOTS_RESERVE,
    callPaths: { transcripts, audio, callFailures },
  };
}
