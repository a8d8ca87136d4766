import type { IncomingMessage } from 'node:http';
import { type ApiProblem, malformed, ok, type Reply, refuse } from './reply.ts';
import { asObject, type ElevenLabsState, type JsonObject, newId } from './state.ts';
import { readJson } from './wire.ts';

/** A webhook of the workspace; its secret is shown once, by the answer that makes it. */
export interface StoredWebhook {
  readonly webhook_id: string;
  readonly name: string;
  readonly webhook_url: string;
  readonly is_disabled: boolean;
  readonly is_auto_disabled: boolean;
  readonly created_at_unix: number;
  readonly auth_type: string;
  readonly most_recent_failure_error_code?: number;
  readonly most_recent_failure_timestamp?: number;
}

/** The webhooks of the workspace and which of them it chooses. Tests may look at it and change it at any time. */
export class WorkspaceState {
  readonly webhooks = new Map<string, StoredWebhook>();
  readonly secrets = new Map<string, string>();
  readonly retrying = new Set<string>();
  /** What a header of the initiation webhook may name by its id, `POST /v1/convai/secrets`. */
  readonly workspaceSecrets = new Map<string, string>();
  readonly secretNames = new Map<string, string>();
  /** `GET /v1/convai/settings`. */
  settings: JsonObject = { webhooks: { post_call_webhook_id: null, events: [] } };
  /** The documented listing does not say whether retries are on; a newer one might. */
  showsRetries = false;
  /** Usages are shown to administrators only. */
  showsUsages = true;

  addWebhook(webhook: Partial<StoredWebhook> = {}): StoredWebhook {
    const added: StoredWebhook = {
      webhook_id: `wh_${newId(16)}`,
      name: 'Webhook',
      webhook_url: 'https://example.com/webhook',
      is_disabled: false,
      is_auto_disabled: false,
      created_at_unix: Math.floor(Date.now() / 1000),
      auth_type: 'hmac',
      ...webhook,
    };
    this.webhooks.set(added.webhook_id, added);
    this.secrets.set(added.webhook_id, `wsec_${newId(48)}`);
    return added;
  }

  clear(): void {
    this.webhooks.clear();
    this.secrets.clear();
    this.retrying.clear();
    this.workspaceSecrets.clear();
    this.secretNames.clear();
    this.settings = { webhooks: { post_call_webhook_id: null, events: [] } };
  }
}

/** Answers for `/v1/workspace/webhooks…`, `/v1/convai/settings` and the list of agents; undefined for any other path. */
export async function answerWorkspace(
  state: ElevenLabsState,
  { method, path, query, json, request }: WorkspaceCall,
): Promise<Reply | undefined> {
  const { workspace } = state;
  const [, webhookId] = /^\/v1\/workspace\/webhooks\/([^/]+)$/.exec(path)?.map(decodeURIComponent) ?? [];
  if (webhookId !== undefined) {
    const webhook = workspace.webhooks.get(webhookId);
    if (webhook === undefined) return refuse(noWebhook(webhookId), state.errorFormat);
    if (method === 'PATCH') return change(workspace, webhook, json);
    if (method === 'DELETE') return remove(state, webhook);
  }
  switch (`${method} ${path}`) {
    case 'GET /v1/workspace/webhooks':
      return ok({ webhooks: [...workspace.webhooks.values()].map((webhook) => shown(state, webhook, query)) });
    case 'POST /v1/workspace/webhooks':
      return create(workspace, asObject((await readJson(request))?.['settings']));
    case 'GET /v1/convai/settings':
      return ok(workspace.settings);
    case 'PATCH /v1/convai/settings':
      workspace.settings = { ...workspace.settings, ...json };
      return ok(workspace.settings);
    case 'GET /v1/convai/secrets':
      return ok({
        secrets: [...workspace.secretNames].map(([secret_id, name]) => ({
          type: 'stored',
          secret_id,
          name,
          used_by: {},
        })),
      });
    case 'POST /v1/convai/secrets': {
      const { type, name, value } = asObject(await readJson(request));
      if (type !== 'new' || typeof name !== 'string' || typeof value !== 'string') {
        return malformed(['body', 'name'], 'Field required', 'missing');
      }
      const secret_id = newId(20);
      workspace.secretNames.set(secret_id, name);
      workspace.workspaceSecrets.set(secret_id, value);
      return ok({ type: 'stored', secret_id, name });
    }
    case 'GET /v1/convai/agents':
      return listAgents(state, query);
    default:
      return undefined;
  }
}

interface WorkspaceCall {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly json: JsonObject | undefined;
  readonly request: IncomingMessage;
}

function create(workspace: WorkspaceState, { auth_type, name, webhook_url: url }: JsonObject): Reply {
  if (auth_type !== 'hmac') return malformed(['body', 'settings', 'auth_type'], 'Input should be hmac');
  if (typeof name !== 'string' || name === '')
    return malformed(['body', 'settings', 'name'], 'Field required', 'missing');
  // The API takes https alone; the stand-in also takes an app on this machine.
  if (typeof url !== 'string' || !/^https:|^http:\/\/(127\.0\.0\.1|localhost|\[::1\])[:/]/.test(url)) {
    return malformed(['body', 'settings', 'webhook_url'], 'Value error, the URL must use HTTPS');
  }
  const { webhook_id } = workspace.addWebhook({ name, webhook_url: url });
  return ok({ webhook_id, webhook_secret: workspace.secrets.get(webhook_id) });
}

function change(workspace: WorkspaceState, webhook: StoredWebhook, json: JsonObject = {}): Reply {
  const { name, is_disabled, retry_enabled } = json;
  if (typeof name !== 'string') return malformed(['body', 'name'], 'Field required', 'missing');
  if (typeof is_disabled !== 'boolean') return malformed(['body', 'is_disabled'], 'Field required', 'missing');
  const isAutoDisabled = webhook.is_auto_disabled && is_disabled;
  workspace.webhooks.set(webhook.webhook_id, { ...webhook, name, is_disabled, is_auto_disabled: isAutoDisabled });
  if (retry_enabled === true) workspace.retrying.add(webhook.webhook_id);
  if (retry_enabled === false) workspace.retrying.delete(webhook.webhook_id);
  return ok({ status: 'ok' });
}

function remove(state: ElevenLabsState, { webhook_id: id }: StoredWebhook): Reply {
  if (usagesOf(state, id).length > 0) return refuse(IN_USE, state.errorFormat);
  state.workspace.webhooks.delete(id);
  return ok({ status: 'ok' });
}

function shown(state: ElevenLabsState, webhook: StoredWebhook, query: URLSearchParams): JsonObject {
  const { workspace } = state;
  const { webhook_id: id } = webhook;
  const usage = usagesOf(state, id).map((usage_type) => ({ usage_type }));
  const hasUsages = query.get('include_usages') === 'true' && workspace.showsUsages;
  return {
    ...webhook,
    ...(hasUsages ? { usage } : {}),
    ...(workspace.showsRetries ? { retry_enabled: workspace.retrying.has(id) } : {}),
  };
}

function usagesOf({ workspace, agents }: ElevenLabsState, id: string): string[] {
  const isChosen = (webhooks: unknown) => asObject(webhooks)['post_call_webhook_id'] === id;
  const byAgent = [...agents.values()].some((agent) =>
    isChosen(asObject(asObject(agent['platform_settings'])['workspace_overrides'])['webhooks']),
  );
  return [
    ...(isChosen(workspace.settings['webhooks']) ? ['ConvAI Settings'] : []),
    ...(byAgent ? ['ConvAI Agent Settings'] : []),
  ];
}

function listAgents({ agents }: ElevenLabsState, query: URLSearchParams): Reply {
  const size = Number(query.get('page_size') ?? 30);
  if (size > 100) return malformed(['query', 'page_size'], 'Input should be less than or equal to 100');
  const start = Number(query.get('cursor') ?? 0);
  const page = [...agents.values()].slice(start, start + size).map(({ agent_id, name }) => ({ agent_id, name }));
  const hasMore = start + size < agents.size;
  return ok({ agents: page, has_more: hasMore, next_cursor: hasMore ? String(start + size) : null });
}

const IN_USE: ApiProblem = {
  status: 400,
  type: 'invalid_request',
  code: 'webhook_in_use',
  message: 'The webhook is used and cannot be deleted.',
};

const noWebhook = (id: string): ApiProblem => ({
  status: 404,
  type: 'not_found',
  code: 'webhook_not_found',
  message: `A webhook with the id ${id} was not found.`,
});
