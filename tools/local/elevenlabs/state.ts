import { randomBytes } from 'node:crypto';
import type { StoredConversation } from './conversations.ts';
import { WorkspaceState } from './webhooks.ts';

interface StoredSample {
  readonly sample_id: string;
  readonly file_name: string;
  readonly mime_type: string;
  readonly size_bytes: number;
  readonly hash: string;
}

/** A voice as the API shows it. */
export interface StoredVoice {
  readonly voice_id: string;
  readonly name: string;
  readonly category: string;
  readonly labels: Record<string, string>;
  readonly description: string | null;
  readonly created_at_unix: number;
  readonly is_owner: boolean;
  readonly samples: readonly StoredSample[];
}

export type JsonObject = { [name: string]: unknown };

/** One request as it came in; never its key, never its sample. */
export interface LoggedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly hasKey: boolean;
  /** The body of a PATCH. */
  readonly json?: JsonObject;
  /** Undefined as long as there is no answer, and when it was withheld. */
  status?: number;
}

export interface NewAgent {
  readonly agentId: string;
  readonly voiceId?: string;
  readonly firstMessage?: string;
  /** Instead of the usual ones. */
  readonly platformSettings?: JsonObject;
}

/** What the stand-in knows. Tests and scripts may look at it and change it at any time. */
export class ElevenLabsState {
  readonly voices = new Map<string, StoredVoice>();
  readonly agents = new Map<string, JsonObject>();
  readonly conversations = new Map<string, StoredConversation>();
  /** Ids that every page of a listing has once more. */
  listedTwice: readonly string[] = [];
  readonly requests: LoggedRequest[] = [];
  readonly workspace = new WorkspaceState();
  /** Tools by their id, as `tool_config` of the API. */
  readonly tools = new Map<string, JsonObject>();
  voiceLimit: number;
  /** Which of the two formats the API's own refusals have. */
  errorFormat: 'current' | 'legacy' = 'current';
  /** Answer of the next clones: such a voice is not usable until verified. */
  requiresVerification = false;

  constructor(voiceLimit: number) {
    this.voiceLimit = voiceLimit;
  }

  get slotsUsed(): number {
    return [...this.voices.values()].filter(({ category }) => category !== 'premade').length;
  }

  addVoice(voice: Partial<StoredVoice> = {}): StoredVoice {
    const added: StoredVoice = {
      voice_id: newId(20),
      name: 'Voice',
      category: 'cloned',
      labels: {},
      description: null,
      created_at_unix: Math.floor(Date.now() / 1000),
      is_owner: true,
      samples: [],
      ...voice,
    };
    this.voices.set(added.voice_id, added);
    return added;
  }

  addAgent({
    agentId,
    voiceId = 'voice_of_the_agent',
    firstMessage = 'Hello!',
    platformSettings = { privacy: { record_voice: true } },
  }: NewAgent): JsonObject {
    const now = Math.floor(Date.now() / 1000);
    const agent: JsonObject = {
      agent_id: agentId,
      name: `Agent ${agentId}`,
      conversation_config: {
        tts: { voice_id: voiceId, model_id: 'eleven_flash_v2_5', stability: 0.5 },
        agent: { first_message: firstMessage, language: 'nl', prompt: { prompt: 'Be kind.', tools: [] } },
        turn: { turn_timeout: 7 },
      },
      platform_settings: platformSettings,
      metadata: { created_at_unix_secs: now, updated_at_unix_secs: now },
      tags: [],
      version_id: `agtvrsn_${newId(8)}`,
    };
    this.agents.set(agentId, agent);
    return agent;
  }

  /** What a caller would hear and see of an agent now. */
  agentNow(agentId: string): { voiceId: unknown; firstMessage: unknown } {
    const config = asObject(this.agents.get(agentId)?.['conversation_config']);
    return {
      voiceId: asObject(config['tts'])['voice_id'],
      firstMessage: asObject(config['agent'])['first_message'],
    };
  }

  clear(): void {
    this.voices.clear();
    this.agents.clear();
    this.conversations.clear();
    this.tools.clear();
    this.listedTwice = [];
    this.requests.length = 0;
    this.workspace.clear();
  }

  toJSON(): JsonObject {
    return {
      voices: [...this.voices.values()],
      agents: [...this.agents.values()],
      webhooks: [...this.workspace.webhooks.values()],
      settings: this.workspace.settings,
      conversations: [...this.conversations.values()].map(({ listed }) => listed),
      requests: this.requests,
      voiceLimit: this.voiceLimit,
    };
  }
}

export function newId(length: number): string {
  return randomBytes(length).toString('base64url').replace(/[_-]/g, 'x').slice(0, length);
}

export function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
