import * as z from 'zod/mini';

/** A voice, as far as this app looks at it (docs/facts/elevenlabs.md#voices). */
export interface Voice {
  readonly voiceId: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `cloned`, `premade`, … */
  readonly category: string | undefined;
  /** Missing on older voices. */
  readonly createdAtSeconds: number | undefined;
}

/** What of an agent pre-call reads and changes (docs/facts/elevenlabs.md#agents). */
export interface Agent {
  readonly agentId: string;
  readonly voiceId: string | undefined;
  readonly firstMessage: string | undefined;
}

/** The slots of the workspace. Counting is not atomic: two clones at once may both find the last one (docs/facts/elevenlabs.md#voices). */
export interface Subscription {
  readonly voiceSlotsUsed: number;
  readonly voiceLimit: number;
}

export interface AddedVoice {
  readonly voiceId: string;
  readonly requiresVerification: boolean;
}

export interface VoicePage {
  readonly voices: readonly Voice[];
  readonly hasMore: boolean;
  readonly nextPageToken: string | undefined;
}

/** A member that we can do without is taken as absent when it is not what it should be. */
const lenient = <T extends z.ZodMiniType>(schema: T) => z.catch(z.optional(schema), undefined);
const id = z.string().check(z.minLength(1), z.maxLength(200));

const labels = z.pipe(
  z.catch(z.record(z.string(), z.unknown()), {}),
  z.transform((all) =>
    Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => typeof entry[1] === 'string')),
  ),
);

export const voiceSchema = z.pipe(
  z.object({
    voice_id: id,
    name: z.catch(z.string(), ''),
    labels,
    category: lenient(z.string()),
    created_at_unix: lenient(z.number()),
  }),
  z.transform(
    (voice): Voice => ({
      voiceId: voice.voice_id,
      name: voice.name,
      labels: voice.labels,
      category: voice.category,
      createdAtSeconds: voice.created_at_unix,
    }),
  ),
);

export const voicePageSchema = z.pipe(
  z.object({
    voices: z.array(voiceSchema),
    has_more: z.boolean(),
    next_page_token: lenient(z.string().check(z.minLength(1))),
  }),
  z.transform(
    (page): VoicePage => ({ voices: page.voices, hasMore: page.has_more, nextPageToken: page.next_page_token }),
  ),
);

export const addedVoiceSchema = z.pipe(
  z.object({ voice_id: id, requires_verification: z.catch(z.boolean(), false) }),
  z.transform((added): AddedVoice => ({ voiceId: added.voice_id, requiresVerification: added.requires_verification })),
);

export const agentSchema = z.pipe(
  z.object({
    agent_id: id,
    conversation_config: z.object({
      tts: lenient(z.object({ voice_id: lenient(z.string()) })),
      agent: lenient(z.object({ first_message: lenient(z.string()) })),
    }),
  }),
  z.transform(
    ({ agent_id, conversation_config: { tts, agent } }): Agent => ({
      agentId: agent_id,
      voiceId: tts?.voice_id,
      firstMessage: agent?.first_message,
    }),
  ),
);

export const subscriptionSchema = z.pipe(
  z.object({
    voice_slots_used: z.number(),
    voice_limit: z.number(),
  }),
  z.transform(
    (subscription): Subscription => ({
      voiceSlotsUsed: subscription.voice_slots_used,
      voiceLimit: subscription.voice_limit,
    }),
  ),
);
