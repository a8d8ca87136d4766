import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { control } from './control.ts';
import { type Fault, Faults, refusalOf } from './faults.ts';
import { loadKeptCalls } from './keptCalls.ts';
import { answer } from './routes.ts';
import { ElevenLabsState, type LoggedRequest } from './state.ts';
import { readJson, write } from './wire.ts';

export interface ElevenLabsOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** How long each answer takes at least. */
  readonly latencyMs?: number;
  /** How long a clone takes at least; `latencyMs` when left out. */
  readonly cloneLatencyMs?: number;
  readonly voiceLimit?: number;
  /** The only key that is let in; any when left out. */
  readonly apiKey?: string;
  /** Whether an agent that nobody has added is made when it is asked for, as suits trying the app out. */
  readonly makesAgents?: boolean;
  /** Where its calls are kept, see `keepCall`; in memory alone when left out. */
  readonly callsFolder?: string;
}

export interface RunningElevenLabs {
  /** Without a slash at the end: fit for `ELEVENLABS_API_BASE_URL`. */
  readonly url: string;
  readonly state: ElevenLabsState;
  /** Spoils the next requests that fit. */
  fail(fault: Fault): void;
  /** Forgets faults that were not used. */
  clearFaults(): void;
  close(): Promise<void>;
}

const DEFAULT_DELAY_MS = 60_000;

/**
 * A stand-in for the ElevenLabs API on loopback: voices, agents and the subscription, with the API's own errors on demand.
 * Another process can use it, too: see {@link control}.
 */
export async function startElevenLabs(options: ElevenLabsOptions): Promise<RunningElevenLabs> {
  const state = new ElevenLabsState(options.voiceLimit ?? 30);
  const faults = new Faults();
  const stopped = new AbortController();
  const server = createServer((request, response) => {
    serve({ options, state, faults, signal: stopped.signal }, request, response).catch(() => response.destroy());
  });
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // of a server on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    state,
    fail: (fault) => faults.add(fault),
    clearFaults: () => faults.clear(),
    close: async () => {
      stopped.abort();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

export interface Served {
  readonly options: ElevenLabsOptions;
  readonly state: ElevenLabsState;
  readonly faults: Faults;
  /** Aborts when the server is closed. */
  readonly signal: AbortSignal;
}

async function serve(served: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { options, state, faults, signal } = served;
  const { method = 'GET', url = '/' } = request;
  const { pathname: path, searchParams: query } = new URL(url, 'http://localhost');
  if (options.callsFolder !== undefined) loadKeptCalls(state, options.callsFolder);
  const controlled = await control(served, method, path, request);
  if (controlled !== undefined) return write(response, controlled);

  const json = method === 'PATCH' ? await readJson(request) : undefined;
  const hasKey = request.headers['xi-api-key'] !== undefined;
  const logged: LoggedRequest = { method, path: url, hasKey, ...(json === undefined ? {} : { json }) };
  state.requests.push(logged);

  const isClone = method === 'POST' && path === '/v1/voices/add';
  const latencyMs = (isClone ? options.cloneLatencyMs : undefined) ?? options.latencyMs ?? 0;
  if (latencyMs > 0) await sleep(latencyMs, undefined, { signal });
  const fault = faults.take(method, path);
  const delayMs = fault?.delayMs ?? DEFAULT_DELAY_MS;
  if (fault?.kind === 'slow-work') await sleep(delayMs, undefined, { signal });
  const reply = (fault && refusalOf(fault)) ?? (await answer(served, { method, path, query, json, request }));
  request.resume(); // what of the body nobody has read
  if (fault?.kind === 'slow') await sleep(delayMs, undefined, { signal });
  if (fault?.kind !== 'answer-lost') logged.status = reply.status;
  write(response, reply, fault?.kind);
}
