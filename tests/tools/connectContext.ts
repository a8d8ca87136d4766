import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { sign } from '../../tools/cli/send/sign.ts';
import { type RunningElevenLabs, startElevenLabs } from '../../tools/local/elevenlabs/server.ts';

/** One request at a stand-in, before its answer leaves. */
export interface Seen {
  readonly at: 'elevenlabs' | 'azure' | 'app';
  readonly method: string;
  readonly path: string;
}

interface Answered {
  readonly status: number;
  readonly json?: unknown;
}

/** ElevenLabs, Azure with one vault and one function app, and that app, all as servers on loopback. */
export interface ConnectContext {
  readonly elevenLabs: RunningElevenLabs;
  /** In front of the stand-in. */
  readonly apiUrl: string;
  readonly azureUrl: string;
  readonly appUrl: string;
  readonly seen: Seen[];
  /** What the vault has; undefined for nothing. */
  vaultSecret: string | undefined;
  /** The same of the initiation webhook, and what the app takes. */
  initiationSecret: string | undefined;
  initiationRunning: readonly string[];
  alwaysReady: number;
  /** With what the app runs; it takes the vault's with a restart. */
  running: readonly string[];
  restarts: number;
  /** The app's settings at Azure, and the addresses that may call it. */
  appSettings: Record<string, string>;
  callers: readonly string[];
  /** What the app's clock is ahead of ours. */
  aheadMs: number;
  /** Answers instead of a stand-in; undefined lets it do its work. */
  refuse: (seen: Seen) => Answered | undefined;
  /** Whether the work is done and the caller learns of an error instead. */
  loseAnswer: (seen: Seen) => boolean;
  /** Called when the work of a request is done; its answer leaves after that. */
  onDone: (seen: Seen) => Promise<void>;
  close(): Promise<void>;
}

export async function startConnectContext(): Promise<ConnectContext> {
  const elevenLabs = await startElevenLabs({ port: 0, apiKey: 'operator_key' });
  const servers: Server[] = [];
  const listen = async (at: Seen['at'], work: (request: IncomingMessage, body: string) => Promise<Answered>) => {
    const server = createServer(async (request, response) => {
      const body = await text(request);
      const seen = { at, method: request.method ?? '', path: request.url ?? '' };
      context.seen.push(seen);
      const { status, json } = context.refuse(seen) ?? (await work(request, body));
      await context.onDone(seen);
      const isLost = context.loseAnswer(seen);
      const date = new Date(Date.now() + (at === 'app' ? context.aheadMs : 0)).toUTCString();
      response.writeHead(isLost ? 400 : status, { 'content-type': 'application/json', date });
      response.end(isLost || json === undefined ? '' : JSON.stringify(json));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    servers.push(server);
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // of a server on TCP
  };
  const context: ConnectContext = {
    elevenLabs,
    apiUrl: await listen('elevenlabs', (request, body) => forward(elevenLabs.url, request, body)),
    azureUrl: await listen('azure', async (request, body) => azure(context, request, body)),
    appUrl: await listen('app', (request, body) => app(context, request, body)),
    seen: [],
    vaultSecret: undefined,
    running: [],
    initiationSecret: undefined,
    initiationRunning: [],
    alwaysReady: 0,
    restarts: 0,
    appSettings: {},
    callers: [],
    aheadMs: 0,
    refuse: () => undefined,
    loseAnswer: () => false,
    onDone: async () => {},
    close: async () => {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
      await elevenLabs.close();
    },
  };
  return context;
}

async function forward(to: string, { url = '/', method = 'GET', headers }: IncomingMessage, body: string) {
  const answer = await fetch(to + url, {
    method,
    headers: { 'xi-api-key': String(headers['xi-api-key']), 'content-type': 'application/json' },
    body: ['GET', 'DELETE'].includes(method) ? null : body,
  });
  return { status: answer.status, json: await answer.json() };
}

const SITE = '/subscriptions/sub-1/resourceGroups/rg/providers/Microsoft.Web/sites/func-1';

function azure(context: ConnectContext, { method, url = '/', headers }: IncomingMessage, body: string): Answered {
  if (headers.authorization !== 'Bearer token') return { status: 401 };
  const path = url.split('?')[0];
  switch (`${method} ${path}`) {
    case 'GET /secrets/elevenlabs-webhook-secret':
      return context.vaultSecret === undefined
        ? { status: 404 }
        : { status: 200, json: { value: context.vaultSecret } };
    case 'PUT /secrets/elevenlabs-webhook-secret':
      context.vaultSecret = JSON.parse(body).value;
      return { status: 200, json: { id: 'a-version' } };
    case 'GET /secrets/initiation-secret':
      return context.initiationSecret === undefined
        ? { status: 404 }
        : { status: 200, json: { value: context.initiationSecret } };
    case 'PUT /secrets/initiation-secret':
      context.initiationSecret = JSON.parse(body).value;
      return { status: 200, json: { id: 'a-version' } };
    case `GET ${SITE}`: {
      const alwaysReady = context.alwaysReady === 0 ? [] : [{ name: 'http', instanceCount: context.alwaysReady }];
      return { status: 200, json: { properties: { functionAppConfig: { scaleAndConcurrency: { alwaysReady } } } } };
    }
    case 'GET /subscriptions':
      return { status: 200, json: { value: [{ subscriptionId: 'sub-1' }] } };
    case 'GET /subscriptions/sub-1/providers/Microsoft.Web/sites': {
      const properties = { defaultHostName: 'other', hostNames: [new URL(context.appUrl).hostname] };
      return { status: 200, json: { value: [{ id: SITE, name: 'func-1', properties }] } };
    }
    case 'GET /secrets/elevenlabs-api-key':
      return { status: 200, json: { value: 'operator_key' } };
    case `POST ${SITE}/config/appsettings/list`:
      return { status: 200, json: { properties: context.appSettings } };
    case `GET ${SITE}/config/web`: {
      const rules = context.callers.map((ipAddress) => ({ ipAddress, action: 'Allow' }));
      return {
        status: 200,
        json: { properties: { ipSecurityRestrictions: rules, ipSecurityRestrictionsDefaultAction: 'Deny' } },
      };
    }
    case `POST ${SITE}/config/configreferences/appsettings/refresh`:
      return { status: 200, json: {} };
    case `POST ${SITE}/restart`:
      context.restarts += 1;
      context.running = (context.vaultSecret ?? '').split(',');
      context.initiationRunning = (context.initiationSecret ?? '').split(',');
      return { status: 200 };
    default:
      return { status: 404 };
  }
}

async function app(context: ConnectContext, { url, headers }: IncomingMessage, body: string): Promise<Answered> {
  if (url === '/health') return { status: 200, json: { status: 'healthy', service: 'elevenlabs-webhook' } };
  if (url === '/elevenlabs/initiation/webhook') {
    const isKnown = context.initiationRunning.some((secret) => headers.authorization === `Bearer ${secret}`);
    return isKnown ? { status: 200, json: {} } : { status: 401, json: { code: 'unauthorized' } };
  }
  const given = String(headers['elevenlabs-signature']);
  const t = /^t=(\d+),/.exec(given)?.[1] ?? '';
  const signatures = await Promise.all(context.running.map((secret) => sign(body, secret, t)));
  return signatures.includes(given)
    ? { status: 200, json: { status: 'received' } }
    : { status: 401, json: { code: 'signature_mismatch' } };
}
