import type * as z from 'zod/mini';
import { parseAnswer, unexpected } from './answer.ts';
import type { ClientOptions } from './client.ts';
import {
  type InitiationWebhook,
  initiationOfSettingsSchema,
  madeSecretSchema,
  secretsSchema,
} from './initiationSchemas.ts';
import { type RetryPolicy, withRetries } from './retry.ts';
import { type ApiRequest, type Call, type Limits, Transport } from './transport.ts';
import {
  type AgentSettings,
  agentPageSchema,
  agentSettingsSchema,
  madeWebhookSchema,
  type PostCallChoice,
  settingsSchema,
  type WorkspaceWebhook,
  webhooksSchema,
} from './workspaceSchemas.ts';

/** What is changed of a webhook; its address and its secret cannot be. */
export interface WebhookChange {
  readonly webhookId: string;
  readonly name: string;
  readonly isDisabled: boolean;
  readonly retriesEnabled?: boolean;
}

/** Of one place that chooses: the workspace, or an agent. */
export interface ChoiceChange {
  /** Undefined: the workspace. */
  readonly agentId: string | undefined;
  readonly choice: Pick<PostCallChoice, 'webhookId' | 'events' | 'raw'>;
}

/** Of the workspace when `agentId` is undefined. */
export interface InitiationChange {
  readonly agentId: string | undefined;
  readonly url: string;
  readonly secretId: string;
}

const LIMITS: Limits = {
  connectMs: 5_000,
  headersMs: 20_000,
  cloneHeadersMs: 20_000,
  bodyMs: 20_000,
  answerBytes: 8 * 1024 * 1024,
};
const RETRIES: RetryPolicy = { tries: 3, firstDelayMs: 500, longestDelayMs: 20_000 };
const AGENTS_A_PAGE = 100;
const MAX_PAGES = 50;
const WEBHOOKS = '/v1/workspace/webhooks';
const SETTINGS = '/v1/convai/settings';
const SECRETS = '/v1/convai/secrets';

/**
 * The webhooks of an ElevenLabs workspace and who chooses them (https://elevenlabs.io/docs/api-reference/webhooks/list). For
 * the commands of an operator; the app itself has no use for it. Fails with an `ElevenLabsError`.
 */
export class WorkspaceApi {
  readonly #transport: Transport;
  readonly #retries: RetryPolicy;

  constructor({ baseUrl, apiKey, limits, retries, telemetry }: ClientOptions) {
    this.#transport = new Transport({ baseUrl, apiKey, limits: { ...LIMITS, ...limits }, telemetry });
    this.#retries = { ...RETRIES, ...retries };
  }

  /** Needs `webhooks_write`; what uses each is only shown to administrators. */
  listWebhooks(call: Call): Promise<WorkspaceWebhook[]> {
    const query = new URLSearchParams({ include_usages: 'true' });
    return this.#ask({ method: 'GET', path: WEBHOOKS, query }, webhooksSchema, call);
  }

  /** One try: a second one could make a second webhook. The secret is shown here and never again. */
  async createWebhook(
    webhook: { readonly name: string; readonly url: string },
    call: Call,
  ): Promise<{ readonly webhookId: string; readonly secret: string }> {
    const settings = { auth_type: 'hmac', name: webhook.name, webhook_url: webhook.url };
    const api: ApiRequest = { method: 'POST', path: WEBHOOKS, json: { settings } };
    return parseAnswer(`POST ${WEBHOOKS}`, await this.#transport.exchange(api, call, 1), madeWebhookSchema);
  }

  async changeWebhook({ webhookId, name, isDisabled, retriesEnabled }: WebhookChange, call: Call): Promise<void> {
    const json = {
      name,
      is_disabled: isDisabled,
      ...(retriesEnabled === undefined ? {} : { retry_enabled: retriesEnabled }),
    };
    await this.#repeat({ method: 'PATCH', path: webhookPath(webhookId), json }, call);
  }

  /** ElevenLabs refuses it while a product uses the webhook. */
  async deleteWebhook(webhookId: string, call: Call): Promise<void> {
    await this.#repeat({ method: 'DELETE', path: webhookPath(webhookId) }, call);
  }

  /** What the workspace sends to which webhook; needs `convai_read`. */
  getWorkspaceChoice(call: Call): Promise<PostCallChoice> {
    return this.#ask({ method: 'GET', path: SETTINGS }, settingsSchema, call);
  }

  getAgentSettings(agentId: string, call: Call): Promise<AgentSettings> {
    return this.#ask({ method: 'GET', path: agentPath(agentId) }, agentSettingsSchema, call);
  }

  /** The ids of all agents, page by page as they are taken. */
  async *findAgentIds(call: Call): AsyncGenerator<string, void, undefined> {
    let cursor: string | undefined;
    for (let pages = 0; pages < MAX_PAGES; pages++) {
      const query = new URLSearchParams({
        page_size: String(AGENTS_A_PAGE),
        ...(cursor === undefined ? {} : { cursor }),
      });
      const page = await this.#ask({ method: 'GET', path: '/v1/convai/agents', query }, agentPageSchema, call);
      yield* page.agentIds;
      if (page.nextCursor === undefined || page.nextCursor === cursor) return;
      cursor = page.nextCursor;
    }
    throw unexpected('GET /v1/convai/agents', 'has pages without an end:');
  }

  /** Chooses with all members, so that it does not matter whether ElevenLabs merges or replaces; needs `convai_write`. */
  async choose({ agentId, choice }: ChoiceChange, call: Call): Promise<void> {
    const webhooks = { ...choice.raw, post_call_webhook_id: choice.webhookId ?? null, events: choice.events };
    const api: ApiRequest =
      agentId === undefined
        ? { method: 'PATCH', path: SETTINGS, json: { webhooks } }
        : {
            method: 'PATCH',
            path: agentPath(agentId),
            json: { platform_settings: { workspace_overrides: { webhooks } } },
          };
    await this.#repeat(api, call);
  }

  /** Whom the workspace lets ElevenLabs ask before calls; undefined for nobody. */
  getInitiationWebhook(call: Call): Promise<InitiationWebhook | undefined> {
    return this.#ask({ method: 'GET', path: SETTINGS }, initiationOfSettingsSchema, call);
  }

  /** Lets the workspace, or one agent, ask this address with a secret of the workspace as its header Authorization. */
  async setInitiationWebhook({ agentId, url, secretId }: InitiationChange, call: Call): Promise<void> {
    const webhook = {
      conversation_initiation_client_data_webhook: { url, request_headers: { Authorization: { secret_id: secretId } } },
    };
    const api: ApiRequest =
      agentId === undefined
        ? { method: 'PATCH', path: SETTINGS, json: webhook }
        : { method: 'PATCH', path: agentPath(agentId), json: { platform_settings: { workspace_overrides: webhook } } };
    await this.#repeat(api, call);
  }

  /** Lets ElevenLabs ask before calls of the agent, and the answer override what the app may. */
  async askBeforeCalls(agentId: string, call: Call): Promise<void> {
    const overrides = {
      enable_conversation_initiation_client_data_from_webhook: true,
      conversation_config_override: { agent: { first_message: true, language: true }, tts: { voice_id: true } },
    };
    await this.#repeat({ method: 'PATCH', path: agentPath(agentId), json: { platform_settings: { overrides } } }, call);
  }

  /** The secrets of the workspace, whose values nobody is shown. */
  listSecrets(call: Call): Promise<{ readonly secretId: string; readonly name: string }[]> {
    return this.#ask({ method: 'GET', path: SECRETS }, secretsSchema, call);
  }

  /** One try: a second one could make a second secret. */
  async createSecret(secret: { readonly name: string; readonly value: string }, call: Call): Promise<string> {
    const api: ApiRequest = { method: 'POST', path: SECRETS, json: { type: 'new', ...secret } };
    return parseAnswer(`POST ${SECRETS}`, await this.#transport.exchange(api, call, 1), madeSecretSchema);
  }

  /** Ends all connections. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  async #ask<T>(api: ApiRequest, schema: z.ZodMiniType<T>, call: Call): Promise<T> {
    return parseAnswer(`${api.method} ${api.path}`, await this.#repeat(api, call), schema);
  }

  #repeat(api: ApiRequest, call: Call): Promise<string> {
    return withRetries(this.#retries, call.signal, (tries) => this.#transport.exchange(api, call, tries));
  }
}

const webhookPath = (webhookId: string) => `${WEBHOOKS}/${encodeURIComponent(webhookId)}`;
const agentPath = (agentId: string) => `/v1/convai/agents/${encodeURIComponent(agentId)}`;
