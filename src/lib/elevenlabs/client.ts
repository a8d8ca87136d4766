import type * as z from 'zod/mini';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { addVoice, type NewVoice } from './addVoice.ts';
import { parseAnswer, unexpected } from './answer.ts';
import { ElevenLabsError } from './errors.ts';
import { type RetryPolicy, withRetries } from './retry.ts';
import {
  type AddedVoice,
  type Agent,
  agentSchema,
  type Subscription,
  subscriptionSchema,
  type Voice,
  type VoicePage,
  voicePageSchema,
  voiceSchema,
} from './schemas.ts';
import { type ApiRequest, type Call, type Limits, Transport } from './transport.ts';

export interface ClientOptions {
  /** `https://api.elevenlabs.io`, a residency host, or a stand-in on loopback. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly limits?: Partial<Limits>;
  readonly retries?: Partial<RetryPolicy>;
  readonly telemetry?: Telemetry | undefined;
}

export interface VoiceSearch {
  /** Only voices that carry all of these; compared here, exactly. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly category?: string;
  /** At most 100. */
  readonly pageSize?: number;
}

/** `null` clears a member, `undefined` leaves it. */
export interface AgentChange {
  readonly agentId: string;
  readonly voiceId?: string | null | undefined;
  readonly firstMessage?: string | null | undefined;
}

const LIMITS: Limits = {
  connectMs: 5_000,
  headersMs: 10_000,
  cloneHeadersMs: 45_000,
  bodyMs: 10_000,
  answerBytes: 8 * 1024 * 1024,
};
const RETRIES: RetryPolicy = { tries: 3, firstDelayMs: 500, longestDelayMs: 20_000 };
const LARGEST_PAGE = 100;
const MAX_PAGES = 200;

/**
 * The ElevenLabs API as far as pre-call uses it. Every operation takes a {@link Call}, whose signal is the overall deadline,
 * and fails with an {@link ElevenLabsError}.
 *
 * ```ts
 * const elevenLabs = new ElevenLabsClient({ baseUrl: 'https://api.elevenlabs.io', apiKey });
 * const { voiceId } = await elevenLabs.getAgent('agent_1', { signal: AbortSignal.timeout(10_000) });
 * ```
 */
export class ElevenLabsClient {
  readonly #transport: Transport;
  readonly #retries: RetryPolicy;
  readonly #telemetry: Telemetry | undefined;

  constructor({ baseUrl, apiKey, limits, retries, telemetry }: ClientOptions) {
    this.#transport = new Transport({ baseUrl, apiKey, limits: { ...LIMITS, ...limits }, telemetry });
    this.#retries = { ...RETRIES, ...retries };
    this.#telemetry = telemetry;
  }

  /**
   * Clones a voice from one sample: one try and never a second one, since ElevenLabs makes another clone of it
   * (docs/facts/elevenlabs.md#voices).
   *
   * @throws {AddVoiceError} whose `outcome` says whether there may be a clone all the same.
   */
  async addVoice(voice: NewVoice, call: Call): Promise<AddedVoice> {
    const startedAt = performance.now();
    const added = await addVoice(this.#transport, voice, call);
    this.#telemetry?.cloned(Math.round(performance.now() - startedAt));
    return added;
  }

  /**
   * All voices that fit, page by page as they are taken. Pages on `has_more`; the total is only a snapshot
   * (docs/facts/elevenlabs.md#voices).
   *
   * @throws {ElevenLabsError} `unexpected_answer` when the pages do not come to an end: better than taking a part for all.
   */
  async *findVoices(search: VoiceSearch, call: Call): AsyncGenerator<Voice, void, undefined> {
    const wanted = Object.entries(search.labels ?? {});
    const seen = new Set<string>();
    let token: string | undefined;
    do {
      const page = await this.#voicePage(search, token, call);
      yield* page.voices.filter((voice) => wanted.every(([label, value]) => voice.labels[label] === value));
      token = page.hasMore ? page.nextPageToken : undefined;
      if (page.hasMore && (token === undefined || seen.has(token) || seen.size >= MAX_PAGES)) {
        throw unexpected('GET /v2/voices', 'says that there are more voices, but not where,');
      }
      if (token !== undefined) seen.add(token);
    } while (token !== undefined);
  }

  getVoice(voiceId: string, call: Call): Promise<Voice> {
    return this.#ask({ method: 'GET', ...voice(voiceId) }, voiceSchema, call);
  }

  /** A voice that is not there counts as deleted. */
  async deleteVoice(voiceId: string, call: Call): Promise<void> {
    try {
      await this.#repeat({ method: 'DELETE', ...voice(voiceId) }, call);
    } catch (error) {
      if (!(error instanceof ElevenLabsError && error.reason === 'not_found')) throw error;
    }
  }

  /** A conversation that is not there counts as deleted. Needs a key with `convai_write`. */
  async deleteConversation(conversationId: string, call: Call): Promise<void> {
    const path = `/v1/convai/conversations/${encodeURIComponent(conversationId)}`;
    try {
      await this.#repeat({ method: 'DELETE', path }, call);
    } catch (error) {
      if (!(error instanceof ElevenLabsError && error.reason === 'not_found')) throw error;
    }
  }

  /** @throws {ElevenLabsError} `not_found` when there is no such agent. */
  getAgent(agentId: string, call: Call): Promise<Agent> {
    return this.#ask({ method: 'GET', ...agent(agentId) }, agentSchema, call);
  }

  /**
   * Changes voice and greeting and nothing else: ElevenLabs merges the body deeply (docs/facts/elevenlabs.md#agents).
   * Returns the agent as it is then.
   */
  patchAgent({ agentId, voiceId, firstMessage }: AgentChange, call: Call): Promise<Agent> {
    const json = {
      conversation_config: {
        ...(voiceId === undefined ? {} : { tts: { voice_id: voiceId } }),
        ...(firstMessage === undefined ? {} : { agent: { first_message: firstMessage } }),
      },
    };
    return this.#ask({ method: 'PATCH', ...agent(agentId), json }, agentSchema, call);
  }

  getSubscription(call: Call): Promise<Subscription> {
    return this.#ask({ method: 'GET', path: '/v1/user/subscription' }, subscriptionSchema, call);
  }

  /** Ends all connections; calls under way fail. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  #voicePage(search: VoiceSearch, token: string | undefined, call: Call): Promise<VoicePage> {
    const query = new URLSearchParams({ page_size: String(search.pageSize ?? LARGEST_PAGE) });
    if (search.category !== undefined) query.set('category', search.category);
    if (token !== undefined) query.set('next_page_token', token);
    return this.#ask({ method: 'GET', path: '/v2/voices', query }, voicePageSchema, call);
  }

  async #ask<T>(api: ApiRequest, schema: z.ZodMiniType<T>, call: Call): Promise<T> {
    return parseAnswer(`${api.method} ${api.path}`, await this.#repeat(api, call), schema);
  }

  #repeat(api: ApiRequest, call: Call): Promise<string> {
    return withRetries(this.#retries, call.signal, (tries) => this.#transport.exchange(api, call, tries));
  }
}

const voice = (id: string) => ({ path: `/v1/voices/${encodeURIComponent(id)}`, route: '/v1/voices/{id}' });
const agent = (id: string) => ({
  path: `/v1/convai/agents/${encodeURIComponent(id)}`,
  route: '/v1/convai/agents/{id}',
});
