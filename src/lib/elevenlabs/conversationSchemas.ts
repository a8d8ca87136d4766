import * as z from 'zod/mini';
import { idSchema } from '../ids.ts';

/** Only a call that is `done` or `failed` is at its end. */
type ConversationStatus = z.infer<typeof status>;

/** A conversation as the listing has it. */
export interface ListedConversation {
  readonly id: string;
  readonly agentId: string;
  /** Unix seconds, by ElevenLabs' clock. */
  readonly startedAtSeconds: number;
  readonly durationSeconds: number;
  readonly status: ConversationStatus;
  /** The key may not read it. */
  readonly isHidden: boolean;
}

export interface ConversationPage {
  readonly conversations: readonly ListedConversation[];
  /** Entries that have no usable id or time. */
  readonly unreadable: number;
  readonly hasMore: boolean;
  readonly nextCursor: string | undefined;
}

/** What is read of the whole conversation; `GetConversationResponseModel` of the official SDK has all of it. */
export interface ConversationDetail extends Omit<ListedConversation, 'isHidden'> {
  readonly hasAudio: boolean;
  /** There is something to read in it. */
  readonly hasTranscript: boolean;
  /** Zero retention mode was on: nothing was stored, and nothing can be asked for later. */
  readonly isZeroRetention: boolean;
}

const lenient = <T extends z.ZodMiniType>(schema: T) => z.catch(z.optional(schema), undefined);
const status = z.catch(z.enum(['initiated', 'in-progress', 'processing', 'done', 'failed', 'unknown']), 'unknown');
const seconds = z.int().check(z.gte(0), z.lte(32_503_680_000)); // up to the year 3000
const duration = z.catch(z.number().check(z.gte(0), z.lte(604_800)), 0);

const listed = z.pipe(
  z.object({
    conversation_id: idSchema,
    agent_id: idSchema,
    start_time_unix_secs: seconds,
    call_duration_secs: duration,
    status,
    hiding_reason: z.catch(z.unknown(), undefined),
  }),
  z.transform(
    (item): ListedConversation => ({
      id: item.conversation_id,
      agentId: item.agent_id,
      startedAtSeconds: item.start_time_unix_secs,
      durationSeconds: item.call_duration_secs,
      status: item.status,
      isHidden: item.hiding_reason !== undefined && item.hiding_reason !== null,
    }),
  ),
);

export const conversationPageSchema = z.pipe(
  z.object({
    conversations: z.array(z.unknown()),
    has_more: z.catch(z.boolean(), false),
    next_cursor: lenient(z.string().check(z.minLength(1))),
  }),
  z.transform(({ conversations, has_more, next_cursor }): ConversationPage => {
    const items = conversations.map((item) => listed.safeParse(item));
    const read = items.flatMap(({ data }) => (data === undefined ? [] : [data]));
    return {
      conversations: read,
      unreadable: items.length - read.length,
      hasMore: has_more || next_cursor !== undefined,
      nextCursor: next_cursor,
    };
  }),
);

const flag = z.catch(z.boolean(), false);

export const conversationDetailSchema = z.pipe(
  z.object({
    conversation_id: idSchema,
    agent_id: idSchema,
    status,
    has_audio: flag,
    transcript: z.catch(z.array(z.unknown()), []),
    metadata: z.object({
      start_time_unix_secs: seconds,
      call_duration_secs: duration,
      features_usage: z.catch(z.object({ pii_zrm_workspace: flag, pii_zrm_agent: flag }), {
        pii_zrm_workspace: false,
        pii_zrm_agent: false,
      }),
    }),
  }),
  z.transform(({ metadata, ...detail }): ConversationDetail => {
    const { pii_zrm_workspace, pii_zrm_agent } = metadata.features_usage;
    return {
      id: detail.conversation_id,
      agentId: detail.agent_id,
      startedAtSeconds: metadata.start_time_unix_secs,
      durationSeconds: metadata.call_duration_secs,
      status: detail.status,
      hasAudio: detail.has_audio,
      hasTranscript: detail.transcript.length > 0,
      isZeroRetention: pii_zrm_workspace || pii_zrm_agent,
    };
  }),
);
