import type { Agent, request } from 'undici';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { parseErrorBody } from './errorBody.ts';
import { AnswerTooLarge, ElevenLabsError, type Failure, lostAnswer } from './errors.ts';
import type { EncodedForm } from './multipart.ts';
import { isRetryable, reasonOf } from './reasons.ts';

/** What the time of one try is made of, and the largest answer that is read. */
export interface Limits {
  readonly connectMs: number;
  /** From the end of the request to the head of the answer. */
  readonly headersMs: number;
  /** The same for a clone: ElevenLabs computes it before it answers (5 to 30 s, docs/facts/elevenlabs.md#before-the-call). */
  readonly cloneHeadersMs: number;
  /** Between two pieces of the answer's body. */
  readonly bodyMs: number;
  readonly answerBytes: number;
}

/** What every operation takes: the overall deadline as a signal, and who wants to know of each exchange. */
export interface Call {
  readonly signal: AbortSignal;
  readonly onExchange?: (exchange: Exchange) => void;
}

/** One request and its answer, as a log line wants it. */
export interface Exchange {
  readonly operation: string;
  readonly tries: number;
  readonly durationMs: number;
  /** Undefined when no answer came. */
  readonly status: number | undefined;
  readonly requestId: string | undefined;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With a leading slash, every part of it encoded. */
  readonly path: string;
  /** The path with `{id}` in place of ids: telemetry counts by it. Left out when the path has none. */
  readonly route?: string;
  readonly query?: URLSearchParams;
  readonly json?: unknown;
  readonly form?: EncodedForm;
  /** The type that is wanted; JSON when left out. */
  readonly accept?: string;
}

/** An answer whose body has not been read yet. */
export interface AnswerHead {
  readonly status: number;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly body: AsyncIterable<Uint8Array>;
  header(name: string): string | undefined;
}

interface Client {
  readonly agent: Agent;
  readonly request: typeof request;
}

const REQUEST_ID_HEADERS = ['request-id', 'x-request-id', 'x-trace-id'] as const;

/** The connection to one ElevenLabs host: one exchange at a time, bounded in time and size, no redirects followed. */
export class Transport {
  readonly #origin: string;
  readonly #apiKey: string;
  readonly #limits: Limits;
  #client: Promise<Client> | undefined;
  readonly #telemetry: Telemetry | undefined;

  constructor(options: { baseUrl: string; apiKey: string; limits: Limits; telemetry?: Telemetry | undefined }) {
    this.#origin = options.baseUrl.replace(/\/+$/, '');
    this.#apiKey = options.apiKey;
    this.#limits = options.limits;
    this.#telemetry = options.telemetry;
  }

  /**
   * Sends the request once and returns the body of a 2xx answer as text.
   *
   * @throws {ElevenLabsError} for every other answer, and when none came.
   */
  async exchange(api: ApiRequest, call: Call, tries: number): Promise<string> {
    return (await this.exchangeBytes(api, call, tries)).toString();
  }

  /** The same, byte for byte. */
  exchangeBytes(api: ApiRequest, call: Call, tries: number): Promise<Buffer> {
    return this.open(api, call, tries, ({ body }) => readBytes(body, this.#limits.answerBytes));
  }

  /** The same for whoever reads the body of a 2xx answer differently: all at once within `read`, or later and as it comes. */
  async open<T>(api: ApiRequest, call: Call, tries: number, read: (head: AnswerHead) => T | Promise<T>): Promise<T> {
    const { method, path } = api;
    const operation = `${method} ${path}`;
    const startedAt = performance.now();
    let answer: AnswerHead | undefined;
    try {
      const head = await this.#send(api, call.signal);
      const isGood = head.status >= 200 && head.status < 300;
      const result = isGood ? await read(head) : await readBytes(head.body, this.#limits.answerBytes);
      answer = head;
      if (!isGood) throw new ElevenLabsError(this.#failureOf(operation, head, String(result)));
      return result as T; // of `read`, since it is good
    } catch (cause) {
      throw cause instanceof ElevenLabsError ? cause : lostAnswer(operation, call.signal, cause);
    } finally {
      const durationMs = Math.round(performance.now() - startedAt);
      call.onExchange?.({ operation, tries, durationMs, status: answer?.status, requestId: answer?.requestId });
      const url = this.#origin + path;
      this.#telemetry?.dependency({
        name: `${method} ${api.route ?? path}`,
        method,
        url,
        status: answer?.status,
        durationMs,
      });
    }
  }

  /** Ends all connections, idle or not. */
  async close(): Promise<void> {
    await (await this.#client)?.agent.destroy();
  }

  /** Loads undici with the first request: an instance that only gets post-call events starts without it. */
  async #open(): Promise<Client> {
    const { default: undici } = await import('undici'); // CommonJS: a bundle has no names of its members
    const agent = new undici.Agent({
      connect: { timeout: this.#limits.connectMs },
      headersTimeout: this.#limits.headersMs,
      bodyTimeout: this.#limits.bodyMs,
      keepAliveTimeout: 30_000,
      allowH2: false,
    });
    return { agent, request: undici.request };
  }

  async #send(api: ApiRequest, signal: AbortSignal): Promise<AnswerHead> {
    this.#client ??= this.#open();
    const { agent, request } = await this.#client;
    const response = await request(this.#origin + api.path, {
      dispatcher: agent,
      method: api.method,
      signal,
      headers: {
        'xi-api-key': this.#apiKey,
        accept: api.accept ?? 'application/json',
        ...(api.form === undefined ? {} : { 'content-type': api.form.contentType }),
        ...(api.json === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: api.form?.bytes ?? (api.json === undefined ? null : JSON.stringify(api.json)),
      ...(api.query === undefined ? {} : { query: Object.fromEntries(api.query) }),
      ...(api.form === undefined ? {} : { headersTimeout: this.#limits.cloneHeadersMs }),
    });
    const { statusCode: status, headers, body } = response;
    return {
      status,
      requestId: this.#clean(REQUEST_ID_HEADERS.map((name) => headers[name]).find((id) => typeof id === 'string')),
      retryAfterSeconds: secondsOf(headers['retry-after']),
      body,
      header: (name) => {
        const value = headers[name];
        return typeof value === 'string' ? value : undefined;
      },
    };
  }

  #failureOf(operation: string, answer: AnswerHead, body: string): Failure {
    const detail = parseErrorBody(body.replaceAll(this.#apiKey, '[key]'));
    const reason = reasonOf(answer.status, detail);
    const [code] = detail.codes;
    return {
      reason,
      operation,
      status: answer.status,
      code,
      param: detail.param,
      requestId: detail.requestId ?? answer.requestId,
      retryAfterSeconds: answer.retryAfterSeconds,
      retryable: isRetryable(reason, detail),
    };
  }

  #clean(requestId: string | string[] | undefined): string | undefined {
    if (typeof requestId !== 'string' || !/^[\w.:/=+-]{1,128}$/.test(requestId)) return undefined;
    return requestId.includes(this.#apiKey) ? undefined : requestId;
  }
}

async function readBytes(body: AsyncIterable<Uint8Array>, limitBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > limitBytes) throw new AnswerTooLarge(`over ${limitBytes} bytes`); // leaving the loop ends the connection
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** `Retry-After` in seconds or as a date (RFC 9110 §10.2.3). */
function secondsOf(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string') return undefined;
  const seconds = /^\d{1,9}$/.test(header.trim()) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : undefined;
}
