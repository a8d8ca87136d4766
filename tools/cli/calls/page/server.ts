import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Assets } from './bundle.ts';
import { Gate } from './gate.ts';
import { PageError } from './pageError.ts';
import type { PageContext } from './routes.ts';
import { NONCE_PLACE, securityHeaders } from './securityHeaders.ts';

export interface RunningPage {
  /** With the token that opens it once. */
  readonly url: string;
  /** Something was stored of a call. */
  hear(call: { readonly agentId: string; readonly conversationId: string }): void;
  close(): Promise<void>;
}

interface PageOptions {
  /** 0 takes a free one; undefined the usual one, or a free one when that is taken. */
  readonly port: number | undefined;
  /** Called once, when the page is opened first. */
  readonly open: () => Promise<PageContext>;
  /** Gets what should not have happened. */
  readonly onBug: (error: unknown) => void;
}

const USUAL_PORT = 7171;
const MOST_CONNECTIONS = 64;

/** What is loaded when somebody opens the page, and not before: it may stand beside an app that somebody measures. */
interface Loaded {
  readonly context: PageContext;
  readonly assets: Assets;
  readonly routes: typeof import('./routes.ts');
}

/**
 * Serves the page of the calls on 127.0.0.1, to whoever opens its address first.
 *
 * @throws `EADDRINUSE` when another program has the port.
 */
export async function startPage({ port, open, onBug }: PageOptions): Promise<RunningPage> {
  let loaded: Promise<Loaded> | undefined;
  let hear: RunningPage['hear'] = () => {};
  const load = () => {
    loaded ??= loadAll(open);
    loaded.then(
      ({ context }) => {
        hear = (call) => context.calls.hear(call);
      },
      () => {
        loaded = undefined; // tried again with the next request
      },
    );
    return loaded;
  };
  const server = createServer({ requestTimeout: 60_000 }, (request, response) => {
    handle(request, response, { gate, load }).catch((error: unknown) => fail(error, response, { loaded, onBug }));
  });
  server.maxConnections = MOST_CONNECTIONS;
  const actual = port === undefined ? await listenSomewhere(server) : await listen(server, port);
  const gate = new Gate(actual);
  return {
    url: `http://127.0.0.1:${actual}/?token=${gate.token}`,
    hear: (call) => hear(call),
    close: () => close(server),
  };
}

async function loadAll(open: () => Promise<PageContext>): Promise<Loaded> {
  const [routes, { bundlePage }] = await Promise.all([import('./routes.ts'), import('./bundle.ts')]);
  const [context, assets] = await Promise.all([open(), bundlePage()]);
  return { routes, context, assets };
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  { gate, load }: { gate: Gate; load: () => Promise<Loaded> },
): Promise<void> {
  const nonce = randomBytes(16).toString('base64url');
  for (const [name, value] of Object.entries(securityHeaders(nonce))) response.setHeader(name, value);
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const token = url.pathname === '/' ? url.searchParams.get('token') : null;
  const admission = gate.admit(request, token);
  if (admission.kind === 'refused') {
    response.writeHead(admission.status, { 'content-type': 'text/plain; charset=utf-8' }).end(admission.message);
    return;
  }
  if (token !== null) {
    if (admission.kind === 'enters') response.setHeader('set-cookie', admission.cookie);
    enter(response);
    return;
  }
  const { context, assets, routes } = await load();
  const asset = assets.get(url.pathname);
  if (asset === undefined) return routes.answer(context, { request, response, url });
  const isPage = url.pathname === '/';
  const body = isPage ? Buffer.from(asset.bytes).toString().replaceAll(NONCE_PLACE, nonce) : asset.bytes;
  response.writeHead(200, { 'content-type': asset.type }).end(request.method === 'HEAD' ? undefined : body);
}

/**
 * Leads to the page, without the token in its address. By a page of our own and not by a redirect: when a link of another site or
 * program led here, the browser sends a strict cookie only with what comes from our own site
 * (https://www.rfc-editor.org/rfc/rfc6265bis, section 5.2).
 */
function enter(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(
    '<!doctype html><meta http-equiv="refresh" content="0; url=/"><title>Calls</title><a href="/">Calls</a>',
  );
}

async function fail(
  error: unknown,
  response: ServerResponse,
  { loaded, onBug }: { loaded: Promise<Loaded> | undefined; onBug: (error: unknown) => void },
): Promise<void> {
  if (response.headersSent) {
    response.destroy(); // a file that broke off is not taken for a whole one
    return;
  }
  if (error instanceof PageError) {
    for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
    return send(response, error.status, error.message);
  }
  const access = await loaded?.then(({ context }) => context.access).catch(() => undefined);
  const explained = access === undefined ? error : access.explained(error);
  if (isForPeople(explained)) return send(response, 502, explained.message);
  onBug(error);
  send(response, 500, 'Something went wrong here. The terminal says more.');
}

/** What the user can do something about. */
function isForPeople(error: unknown): error is Error {
  return error instanceof Error && ['Failure', 'UsageError', 'StorageUnavailable'].includes(error.name);
}

function send(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));
}

async function listenSomewhere(server: Server): Promise<number> {
  try {
    return await listen(server, USUAL_PORT);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return listen(server, 0);
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
