import type * as z from 'zod/mini';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { readAnswer, unexpected } from './answer.ts';
import { type FromApi, fromApi, RecordingBody } from './apiBody.ts';
import {
  type ConversationDetail,
  type ConversationPage,
  conversationDetailSchema,
  conversationPageSchema,
} from './conversationSchemas.ts';
import { lostAnswer } from './errors.ts';
import { type RetryPolicy, withRetries } from './retry.ts';
import { type ApiRequest, type Call, type Limits, Transport } from './transport.ts';

export interface ConversationSearch {
  readonly agentId: string;
  /** Conversations that started at this time or later, in Unix seconds. */
  readonly fromSeconds: number;
}

/** A conversation as the API gives it: the bytes, what the app reads of them, and the proof that both are whole. */
export interface FetchedConversation {
  readonly bytes: Buffer;
  readonly json: unknown;
  readonly detail: ConversationDetail;
  readonly proof: FromApi;
}

/** More is refused with 422, not capped. */
const LARGEST_PAGE = 100;
const MAX_PAGES = 10_000;

const LIMITS: Limits = {
  connectMs: 5_000,
  headersMs: 20_000,
  cloneHeadersMs: 20_000,
  bodyMs: 20_000,
  /** As much JSON as a delivery may have outside its audio. */
  answerBytes: 16 * 1024 * 1024,
};
/** No request waits behind it, so `Retry-After` is heeded to the end of the run, which its signal says. */
const RETRIES: RetryPolicy = { tries: 3, firstDelayMs: 1_000, longestDelayMs: 3_600_000 };

/**
 * The conversations of the ElevenLabs API: the listing, the detail byte for byte, and the recording as a stream. All of it
 * needs a key with the permission `convai_read`.
 *
 * Source: https://elevenlabs.io/docs/api-reference/conversations/list, `/get`, `/get-audio`
 */
export class ConversationsApi {
  readonly #transport: Transport;
  readonly #retries: RetryPolicy;

  constructor(options: {
    readonly baseUrl: string;
    readonly apiKey: string;
    readonly limits?: Partial<Limits> | undefined;
    readonly retries?: Partial<RetryPolicy> | undefined;
    readonly telemetry?: Telemetry | undefined;
  }) {
    const { baseUrl, apiKey, limits, retries, telemetry } = options;
    this.#transport = new Transport({ baseUrl, apiKey, limits: { ...LIMITS, ...limits }, telemetry });
    this.#retries = { ...RETRIES, ...retries };
  }

  /**
   * The conversations of an agent, oldest first, page by page as they are taken. Several may be the same one.
   *
   * @throws {ElevenLabsError} `unexpected_answer` when the pages do not come to an end: better than taking a part for all.
   */
  async *pages(search: ConversationSearch, call: Call): AsyncGenerator<ConversationPage, void, undefined> {
    const seen = new Set<string>();
    let cursor: string | undefined;
    do {
      const page = await this.#page(search, cursor, call);
      yield page;
      cursor = page.hasMore ? page.nextCursor : undefined;
      if (page.hasMore && (cursor === undefined || seen.has(cursor) || seen.size >= MAX_PAGES)) {
        throw unexpected('GET /v1/convai/conversations', 'says that there are more conversations, but not where,');
      }
      if (cursor !== undefined) seen.add(cursor);
    } while (cursor !== undefined);
  }

  /** @throws {ElevenLabsError} `not_found` when it was deleted; `unexpected_answer` when it is another one. */
  async conversation(
    { id, agentId }: { readonly id: string; readonly agentId?: string | undefined },
    call: Call,
  ): Promise<FetchedConversation> {
    const path = pathOf(id);
    const bytes = await this.#repeat({ method: 'GET', path }, call);
    const { json, answer: detail } = parse(`GET ${path}`, bytes, conversationDetailSchema);
    if (detail.id !== id || detail.agentId !== (agentId ?? detail.agentId))
      throw unexpected(`GET ${path}`, 'answered another conversation');
    return { bytes, json, detail, proof: fromApi() };
  }

  /** One try: what comes of the body is only known at its end, so whoever reads it repeats the whole. */
  recording(id: string, call: Call, tries = 1): Promise<RecordingBody> {
    const path = `${pathOf(id)}/audio`;
    return this.#transport.open({ method: 'GET', path, accept: 'audio/mpeg' }, call, tries, (head) => {
      const length = Number(head.header('content-length'));
      return new RecordingBody({
        operation: `GET ${path}`,
        contentType: head.header('content-type'),
        announcedBytes: Number.isSafeInteger(length) && length > 0 ? length : undefined,
        body: head.body,
        lost: (cause) => lostAnswer(`GET ${path}`, call.signal, cause),
      });
    });
  }

  /** Repeats a piece of work that failed for a reason that passes, as this client repeats its own requests. */
  repeated<T>(call: Call, work: (tries: number) => Promise<T>): Promise<T> {
    return withRetries(this.#retries, call.signal, work);
  }

  /** Ends all connections; calls under way fail. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  async #page({ agentId, fromSeconds }: ConversationSearch, cursor: string | undefined, call: Call) {
    const query = new URLSearchParams({
      agent_id: agentId,
      page_size: String(LARGEST_PAGE),
      // Whether a call of that very second is among them is not documented.
      call_start_after_unix: String(Math.max(0, Math.floor(fromSeconds) - 1)),
      sort_direction: 'asc',
    });
    if (cursor !== undefined) query.set('cursor', cursor);
    const bytes = await this.#repeat({ method: 'GET', path: '/v1/convai/conversations', query }, call);
    return parse('GET /v1/convai/conversations', bytes, conversationPageSchema).answer;
  }

  #repeat(api: ApiRequest, call: Call): Promise<Buffer> {
    return this.repeated(call, (tries) => this.#transport.exchangeBytes(api, call, tries));
  }
}

const pathOf = (id: string) => `/v1/convai/conversations/${encodeURIComponent(id)}`;

/** Strictly UTF-8: what could not be read would otherwise become something else in silence. */
function parse<T>(operation: string, bytes: Buffer, schema: z.ZodMiniType<T>): { json: unknown; answer: T } {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw unexpected(operation, 'answered something that is not UTF-8');
  }
  return readAnswer(operation, text, schema);
}
