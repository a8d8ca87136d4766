import * as z from 'zod/mini';
import { type InitiationWebhook, initiationSchema } from './initiationSchemas.ts';

/** A webhook of the workspace, as the listing shows it (https://elevenlabs.io/docs/api-reference/webhooks/list). */
export interface WorkspaceWebhook {
  readonly webhookId: string;
  readonly name: string;
  readonly url: string;
  readonly isDisabled: boolean;
  readonly isAutoDisabled: boolean;
  /** Unix seconds. */
  readonly createdAtSeconds: number;
  readonly authType: string;
  /** What uses it, such as `ConvAI Settings`; undefined for a key that is not an administrator's. */
  readonly usages: readonly string[] | undefined;
  /** The documented listing does not have it; undefined then. */
  readonly retriesEnabled: boolean | undefined;
  readonly lastFailure: { readonly status: number | undefined; readonly atSeconds: number } | undefined;
}

/** What is sent to which webhook, of the workspace or of one agent. `raw` has all members, also those nobody here knows. */
export interface PostCallChoice {
  readonly webhookId: string | undefined;
  readonly events: readonly string[];
  readonly raw: Readonly<Record<string, unknown>>;
}

/** What an agent records and keeps. Undefined: ElevenLabs did not say. */
interface AgentPrivacy {
  readonly recordsVoice: boolean | undefined;
  readonly hasZeroRetention: boolean | undefined;
  /** -1: no limit. */
  readonly retentionDays: number | undefined;
  readonly deletesTranscripts: boolean | undefined;
  readonly deletesAudio: boolean | undefined;
}

/** An agent as far as its calls' way to the webhook goes. */
export interface AgentSettings {
  readonly agentId: string;
  readonly name: string;
  /** Its own choice; undefined when the workspace's counts. */
  readonly choice: PostCallChoice | undefined;
  readonly privacy: AgentPrivacy;
  /** `conversation_config_override`: which overrides a call may bring along, as ElevenLabs has them. */
  readonly allowedOverrides: Readonly<Record<string, unknown>>;
  /** Whether ElevenLabs asks before its calls, and whom, when that is not the workspace's choice. */
  readonly initiation: { readonly isAsked: boolean; readonly own: InitiationWebhook | undefined };
}

const lenient = <T extends z.ZodMiniType>(schema: T) => z.catch(z.optional(schema), undefined);
const id = z.string().check(z.minLength(1), z.maxLength(200));
const object = z.record(z.string(), z.unknown());

export const webhooksSchema = z.pipe(
  z.object({
    webhooks: z.array(
      z.object({
        webhook_id: id,
        name: z.catch(z.string(), ''),
        webhook_url: z.catch(z.string(), ''),
        is_disabled: z.catch(z.boolean(), false),
        is_auto_disabled: z.catch(z.boolean(), false),
        created_at_unix: z.catch(z.number(), 0),
        auth_type: z.catch(z.string(), ''),
        usage: lenient(z.array(z.object({ usage_type: z.string() }))),
        retry_enabled: lenient(z.boolean()),
        most_recent_failure_error_code: lenient(z.number()),
        most_recent_failure_timestamp: lenient(z.number()),
      }),
    ),
  }),
  z.transform(({ webhooks }): WorkspaceWebhook[] =>
    webhooks.map((webhook) => ({
      webhookId: webhook.webhook_id,
      name: webhook.name,
      url: webhook.webhook_url,
      isDisabled: webhook.is_disabled,
      isAutoDisabled: webhook.is_auto_disabled,
      createdAtSeconds: webhook.created_at_unix,
      authType: webhook.auth_type,
      usages: webhook.usage?.map(({ usage_type }) => usage_type),
      retriesEnabled: webhook.retry_enabled,
      lastFailure:
        webhook.most_recent_failure_timestamp === undefined
          ? undefined
          : { status: webhook.most_recent_failure_error_code, atSeconds: webhook.most_recent_failure_timestamp },
    })),
  ),
);

export const madeWebhookSchema = z.pipe(
  z.object({ webhook_id: id, webhook_secret: z.string().check(z.minLength(8), z.maxLength(500)) }),
  z.transform((made) => ({ webhookId: made.webhook_id, secret: made.webhook_secret })),
);

export const settingsSchema = z.pipe(
  z.object({ webhooks: z.catch(z.nullish(object), undefined) }),
  z.transform(({ webhooks }): PostCallChoice => choiceOf(webhooks ?? {})),
);

const privacy = z.object({
  record_voice: lenient(z.boolean()),
  zero_retention_mode: lenient(z.boolean()),
  retention_days: lenient(z.number()),
  delete_transcript_and_pii: lenient(z.boolean()),
  delete_audio: lenient(z.boolean()),
});

export const agentSettingsSchema = z.pipe(
  z.object({
    agent_id: id,
    name: z.catch(z.string(), ''),
    platform_settings: z.catch(
      z.object({
        privacy: z.catch(privacy, {}),
        workspace_overrides: lenient(
          z.object({
            webhooks: lenient(object),
            conversation_initiation_client_data_webhook: lenient(initiationSchema),
          }),
        ),
        overrides: lenient(
          z.object({
            conversation_config_override: lenient(object),
            enable_conversation_initiation_client_data_from_webhook: lenient(z.boolean()),
          }),
        ),
      }),
      { privacy: {} },
    ),
  }),
  z.transform(({ agent_id, name, platform_settings: { privacy, workspace_overrides, overrides } }): AgentSettings => {
    const own = workspace_overrides?.webhooks;
    return {
      agentId: agent_id,
      name,
      choice: own === undefined ? undefined : choiceOf(own),
      privacy: {
        recordsVoice: privacy.record_voice,
        hasZeroRetention: privacy.zero_retention_mode,
        retentionDays: privacy.retention_days,
        deletesTranscripts: privacy.delete_transcript_and_pii,
        deletesAudio: privacy.delete_audio,
      },
      allowedOverrides: overrides?.conversation_config_override ?? {},
      initiation: {
        isAsked: overrides?.enable_conversation_initiation_client_data_from_webhook === true,
        own: workspace_overrides?.conversation_initiation_client_data_webhook,
      },
    };
  }),
);

export const agentPageSchema = z.pipe(
  z.object({
    agents: z.array(z.object({ agent_id: id })),
    has_more: z.catch(z.boolean(), false),
    next_cursor: z.catch(z.nullish(z.string()), undefined),
  }),
  z.transform((page) => ({
    agentIds: page.agents.map(({ agent_id }) => agent_id),
    nextCursor: page.has_more ? (page.next_cursor ?? undefined) : undefined,
  })),
);

function choiceOf(raw: Record<string, unknown>): PostCallChoice {
  const { post_call_webhook_id: webhookId, events } = raw;
  return {
    webhookId: typeof webhookId === 'string' && webhookId !== '' ? webhookId : undefined,
    events: Array.isArray(events) ? events.filter((event) => typeof event === 'string') : [],
    raw,
  };
}
