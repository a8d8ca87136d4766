import type { BlobServiceClient } from '@azure/storage-blob';
import type { ElevenLabsClient } from '../../../src/lib/elevenlabs/client.ts';
import type { Call } from '../../../src/lib/elevenlabs/transport.ts';
import type { WorkspaceApi } from '../../../src/lib/elevenlabs/workspaceApi.ts';
import type { AgentSettings, PostCallChoice, WorkspaceWebhook } from '../../../src/lib/elevenlabs/workspaceSchemas.ts';
import type { Configuration } from '../../../src/lib/settings/settings.ts';
import type { AzureApi, Site } from '../azure/azureApi.ts';
import type { Target } from '../send/target.ts';
import { type AppAnswer, askApp } from '../webhookCheck.ts';
import { Skip } from './finding.ts';

/** The settings of the app that is looked at. */
export interface AppSettings {
  readonly configuration: Configuration;
  /** As they are, a reference to the vault as its stand-in. */
  readonly values: Readonly<Record<string, string>>;
  /** References that only Azure resolves. */
  readonly unchecked: readonly string[];
}

/** What is looked at, and with what. What is undefined is not known, or not reachable from here. */
export interface DoctorContext {
  readonly target: Target;
  readonly settings: AppSettings | undefined;
  /** Newest first; empty when they are not known here. */
  readonly secrets: readonly string[];
  /** The same of the initiation webhook. */
  readonly initiationSecrets: readonly string[];
  /** With the operator's key, else the app's. */
  readonly workspace: WorkspaceApi | undefined;
  /** With the app's own key, for pre-call. */
  readonly client: ElevenLabsClient | undefined;
  readonly azure: { readonly api: AzureApi; readonly site: Site } | undefined;
  readonly blobs: BlobServiceClient | undefined;
  /** Unix milliseconds. */
  readonly now: () => number;
}

const CALL_LIMIT_MS = 60_000;
/** Each takes a request; a workspace that has more is told so. */
export const MOST_AGENTS = 200;

/** What several checks look at, asked for once. */
export class Doctor {
  readonly context: DoctorContext;
  /** How far ahead of this machine's clock ElevenLabs' is, in milliseconds; undefined before it was asked. */
  elevenLabsAheadMs: number | undefined;
  readonly #asked = new Map<string, Promise<unknown>>();

  constructor(context: DoctorContext) {
    this.context = context;
  }

  health(): Promise<AppAnswer> {
    return this.#once('health', () => askApp(this.context.target.health));
  }

  /** @throws Skip without a key. */
  get workspace(): WorkspaceApi {
    const { workspace } = this.context;
    if (workspace !== undefined) return workspace;
    throw new Skip(
      'no key of ElevenLabs',
      'Set ELEVENLABS_OPERATOR_API_KEY: a key with webhooks_write and convai_read.',
    );
  }

  /** @throws Skip when they cannot be read from here. */
  get settings(): AppSettings {
    const { settings } = this.context;
    if (settings !== undefined) return settings;
    throw new Skip("the app's settings are not known here", 'With --azure they are read (role Website Contributor).');
  }

  /** At our address, the newest first. */
  webhooks(): Promise<WorkspaceWebhook[]> {
    return this.#once('webhooks', async () => {
      const { href } = this.context.target.webhook;
      const all = await this.workspace.listWebhooks(this.call());
      return all
        .filter(({ url }) => URL.parse(url)?.href === href)
        .sort((one, other) => other.createdAtSeconds - one.createdAtSeconds);
    });
  }

  workspaceChoice(): Promise<PostCallChoice> {
    return this.#once('choice', () => this.workspace.getWorkspaceChoice(this.call()));
  }

  agents(): Promise<{ readonly agents: readonly AgentSettings[]; readonly areAll: boolean }> {
    return this.#once('agents', async () => {
      const agents: AgentSettings[] = [];
      for await (const agentId of this.workspace.findAgentIds(this.call())) {
        if (agents.length === MOST_AGENTS) return { agents, areAll: false };
        agents.push(await this.workspace.getAgentSettings(agentId, this.call()));
      }
      return { agents, areAll: true };
    });
  }

  call(): Call {
    return {
      signal: AbortSignal.timeout(CALL_LIMIT_MS),
      onExchange: ({ serverTime }) => {
        if (serverTime !== undefined) this.elevenLabsAheadMs = serverTime - this.context.now();
      },
    };
  }

  #once<T>(name: string, ask: () => Promise<T>): Promise<T> {
    const asked = (this.#asked.get(name) as Promise<T> | undefined) ?? ask(); // stored under this name by this method alone
    this.#asked.set(name, asked);
    return asked;
  }
}
