import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type IncomingMessage, Server, type ServerResponse } from 'node:http';
import type { HttpResponseInit } from '@azure/functions';
import { RequestError, WebhookError } from '../errors.ts';
import type { AnswerError } from './answerError.ts';
import { type Arrival, arrivals } from './arrivals.ts';
import { type Callback, type CoreContext, coreApi, type InvocationModel } from './coreApi.ts';
import { isInvocationId, refusalOf, refusalOfMetadata } from './refusal.ts';
import { discardBody } from './requestBody.ts';

const INVOCATION_ID = 'x-ms-invocation-id';
/** Marked experimental by Node; tested on Node 22 and 24. */
const LISTENS = 'tracing:net.server.listen:asyncStart';
/** The host takes 32 KB; Node's own limit of 16 KB would leave a request between the two without an answer. */
const MAX_HEADER_BYTES = 64 * 1024;
/** Longer than an invocation or its request takes to come, and far below `functionTimeout`, at which the host ends the worker. */
const WAIT_MS = 30_000;

export interface FrontOptions {
  readonly answerError: AnswerError;
  /** Of a refused body, at most so much is read. */
  readonly bodyLimitBytes: number;
  /** How long a request and its invocation wait for each other. */
  readonly waitMs?: number;
}

/**
 * Stands between the host and the library, so that whatever a stranger sends is answered and harms nobody. Call it once all
 * functions are registered.
 *
 * The library has an HTTP server to which the host forwards, and matches requests with invocations by a header. It keeps a
 * request whose invocation does not come, waits forever for one that does not come, emits the caller's own id as the name of an
 * event (`error` ends the process), and throws on what it cannot turn into a Request, when nobody answers. So it gets a request
 * here only together with its invocation, once it is known that it can take it, and with the headers that were really sent.
 */
export function guardFront(options: FrontOptions): void {
  const core = coreApi();
  if (core === undefined) return;
  const model = core.getProgrammingModel();
  const front = new Front(options);
  core.setProgrammingModel({
    name: model.name,
    version: model.version,
    getCapabilities: (worker) => front.openServer(() => model.getCapabilities(worker)),
    getInvocationModel: (context) => front.guard(model.getInvocationModel(context), context),
  });
}

class Front {
  readonly #answerError: AnswerError;
  readonly #bodyLimitBytes: number;
  readonly #waitMs: number;
  readonly #servers = new Set<Server>();

  constructor({ answerError, bodyLimitBytes, waitMs = WAIT_MS }: FrontOptions) {
    this.#answerError = answerError;
    this.#bodyLimitBytes = bodyLimitBytes;
    this.#waitMs = waitMs;
  }

  /** The library keeps its server to itself; Node announces it as it begins to listen. */
  async openServer<T>(open: () => Promise<T>): Promise<T> {
    const onListen = (message: unknown) => {
      const { server } = message as { server: unknown };
      if (server instanceof Server && !this.#servers.has(server)) this.#take(server);
    };
    subscribe(LISTENS, onListen);
    try {
      return await open();
    } finally {
      unsubscribe(LISTENS, onListen);
      if (this.#servers.size === 0) console.error(`error: ${UNGUARDED}`);
    }
  }

  #take(server: Server): void {
    this.#servers.add(server);
    const toLibrary = server.listeners('request') as Callback[];
    server.removeAllListeners('request');
    server.on('request', (request, response) => {
      const handOver = () => {
        for (const listener of toLibrary) listener.call(server, request, response);
      };
      this.#onRequest({ request, response, handOver, beganAtMs: performance.now() });
    });
    Object.assign(server, { maxHeaderSize: MAX_HEADER_BYTES }); // read for each new connection
  }

  #onRequest(received: Omit<Arrival, 'refusal'>): void {
    const id = received.request.headers[INVOCATION_ID];
    if (!isInvocationId(id) || arrivals.get(id) !== undefined) {
      this.#refuse(received, new RequestError('invocation_id'));
      return;
    }
    const arrival = { ...received, refusal: refusalOf(received.request) };
    const onAlone = () => this.#refuse(arrival, arrival.refusal ?? new InvocationMissing());
    arrivals.add(id, arrival, { waitMs: this.#waitMs, onAlone });
  }

  /** Answers a request that has no invocation. */
  #refuse({ request, response, beganAtMs }: Omit<Arrival, 'refusal'>, error: WebhookError): void {
    respond(response, this.#answerError({ error, target: request.url ?? '/' }));
    discardBody(request, this.#bodyLimitBytes, beganAtMs);
  }

  /** The invocation of an HTTP function as the library makes it, with its request brought to it. */
  guard(invocation: InvocationModel, core: CoreContext): InvocationModel {
    const isHttp = Object.values(core.metadata.bindings).some(({ type }) => /^httptrigger$/i.test(type ?? ''));
    if (this.#servers.size === 0 || !isHttp) return invocation;
    let arrival: Arrival | undefined;
    let refusal: RequestError | undefined;
    let target = '/';

    /** The library's own errors may quote the caller. */
    const orAnswer = async <T>(work: () => Promise<T>): Promise<T> => {
      try {
        return await work();
      } catch {
        const error = new Error('The library could not handle the request or its response.');
        if (arrival?.response.headersSent === false) respond(arrival.response, this.#answerError({ error, target }));
        throw error;
      }
    };

    return {
      getArguments: async () => {
        arrival = await arrivals.meet(core.invocationId, this.#waitMs);
        const { request, handOver } = arrival;
        const metadata = core.request.triggerMetadata ?? {};
        target = request.url ?? '/';
        refusal = arrival.refusal ?? refusalOfMetadata(metadata);
        core.request.triggerMetadata = { ...metadata, Headers: { json: JSON.stringify(sentHeaders(request)) } };
        if (refusal !== undefined) makeHarmless(request);
        return orAnswer(() => {
          handOver();
          return invocation.getArguments();
        });
      },
      invokeFunction: (context, inputs, callback) => {
        const refuse = () => this.#answerError({ error: refusal, target, context });
        return invocation.invokeFunction(context, inputs, refusal === undefined ? callback : refuse);
      },
      getResponse: (context, result) => orAnswer(() => invocation.getResponse(context, result)),
    };
  }
}

const UNGUARDED =
  "the library's HTTP server was not found when it started to listen, so it is not guarded: a caller's own " +
  'x-ms-invocation-id can end this process, and headers over 16 KB get no response. Was the app tested on this version of Node?';

/** A caller's own id on a host that lets it stand, or a host in trouble. */
class InvocationMissing extends WebhookError {
  constructor() {
    super('invocation_missing', 503, 'The request could not be handed to a function.', {
      hint:
        'The host has sent a request without its invocation. Usually a caller has set x-ms-invocation-id, which hosts before ' +
        'azure-functions-host#10980 do not remove; otherwise the host is overloaded or about to stop.',
    });
  }
}

/** The headers as they were sent, each once: what came several times is joined, as the host does it. */
function sentHeaders({ rawHeaders }: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    const value = rawHeaders[at + 1] ?? '';
    headers[name] = name in headers ? `${headers[name]},${value}` : value;
  }
  return headers;
}

/** So that the library makes a Request of it, which no function will see. */
function makeHarmless(request: IncomingMessage): void {
  request.url = '/';
  Object.assign(request.headers, { 'x-forwarded-host': 'localhost', 'x-forwarded-proto': 'http' });
}

function respond(response: ServerResponse, { status = 500, headers, body, jsonBody }: HttpResponseInit): void {
  const text = typeof body === 'string' ? body : JSON.stringify(jsonBody);
  const own = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  response.writeHead(status, { ...own, ...(headers as Record<string, string>) }).end(text);
}
