import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { readBlobName } from '../../../../src/lib/calls/blobName.ts';
import { idSchema } from '../../../../src/lib/ids.ts';
import type { About, SearchLine } from '../../../page/api.ts';
import type { StorageAccess } from '../../storageAccess.ts';
import { callPage } from './callPage.ts';
import { streamEvents } from './eventStream.ts';
import type { LiveCalls, LiveOptions } from './liveCalls.ts';
import { PageError } from './pageError.ts';
import { quarantinePage, replayQuarantined } from './quarantinePage.ts';
import { searchCalls } from './searchCalls.ts';
import { sendBlob } from './sendBlob.ts';

/** What the page works with. */
export interface PageContext {
  readonly access: StorageAccess;
  readonly calls: Pick<LiveCalls, 'subscribe' | 'refresh' | 'hear'>;
  readonly options: LiveOptions;
  readonly about: About;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** What the path has in the place of each `*`. */
  readonly parts: readonly string[];
}

type Handler = (context: PageContext, exchange: Exchange) => Promise<void> | void;

const MOST_BODY_BYTES = 8 * 1024;

/** By method and path; `*` is one segment, `**` all that follow. */
const ROUTES: readonly (readonly [method: 'GET' | 'POST', path: string, handler: Handler])[] = [
  ['GET', '/api/about', ({ about }, { response }) => sendJson(response, about)],
  ['GET', '/api/events', ({ calls }, { response }) => streamEvents(calls, response)],
  ['POST', '/api/refresh', refresh],
  ['GET', '/api/search', search],
  ['GET', '/api/calls/*/*', showCall],
  ['GET', '/api/quarantine', async ({ access }, { response }) => sendJson(response, await quarantinePage(access))],
  ['POST', '/api/quarantine/replay', replay],
  ['GET', '/blobs/*/**', blob],
];

/** Answers what the page asks for, from whoever was let in. @throws PageError, and whatever storage throws. */
export async function answer(context: PageContext, { request, response, url }: Omit<Exchange, 'parts'>): Promise<void> {
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const matching = ROUTES.flatMap(([allowed, path, handler]) => {
    const parts = partsOf(path, url.pathname);
    return parts === undefined ? [] : [{ allowed, parts, handler }];
  });
  const found = matching.find(({ allowed }) => allowed === method);
  if (matching.length === 0) throw new PageError(404, 'There is no such page.');
  if (found === undefined) throw new PageError(405, 'Not like this.', { allow: matching[0]?.allowed ?? '' });
  await found.handler(context, { request, response, url, parts: found.parts });
}

function partsOf(path: string, given: string): string[] | undefined {
  const pattern = path.replaceAll('**', '(.+)').replaceAll('*', '([^/]+)');
  const [, ...parts] = new RegExp(`^${pattern}$`).exec(given) ?? [];
  if (parts.length === 0 && path !== given) return undefined;
  try {
    return parts.map(decodeURIComponent);
  } catch {
    return undefined; // a lone percent sign
  }
}

async function refresh({ calls }: PageContext, { response }: Exchange): Promise<void> {
  await calls.refresh();
  sendJson(response, {});
}

async function showCall({ access }: PageContext, { response, parts: [agentId = '', conversationId = ''] }: Exchange) {
  if (![agentId, conversationId].every(isId)) throw new PageError(404, 'This is not the id of a call.');
  sendJson(response, await callPage(access, { agentId, conversationId }));
}

/** `?text=…`, and `since`, `until` (ISO 8601) and `agent` within what the page shows. */
async function search({ access, options }: PageContext, { response, url }: Exchange): Promise<void> {
  const text = url.searchParams.get('text')?.trim() ?? '';
  if (text === '' || text.length > 1_000) throw new PageError(400, 'A search needs words.');
  const { since, until, ...filter } = options.filter;
  const agent = url.searchParams.get('agent');
  const asked = { since: timeIn(url, 'since'), until: timeIn(url, 'until') };
  if (agent !== null && !isId(agent)) throw new PageError(400, 'This is not the id of an agent.');
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const say = (line: SearchLine) => void response.write(`${JSON.stringify(line)}\n`);
  const narrowed = {
    ...filter,
    text,
    since: Math.max(since ?? Number.NEGATIVE_INFINITY, asked.since ?? Number.NEGATIVE_INFINITY),
    until: Math.min(until ?? Number.POSITIVE_INFINITY, asked.until ?? Number.POSITIVE_INFINITY),
    ...(agent === null ? {} : { agentId: agent }),
  };
  await searchCalls(access, { filter: narrowed, limit: options.limit, signal: gone.signal }, say).catch(
    (error: unknown) => {
      if (!gone.signal.aborted) say({ message: messageOf(access.explained(error)) });
    },
  );
  response.end();
}

function timeIn(url: URL, name: string): number | undefined {
  const text = url.searchParams.get(name);
  if (text === null) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new PageError(400, `${name} is not a time.`);
  return time;
}

/** `{"blob": "container/name"}` for one, `{}` for all. */
async function replay({ access, calls }: PageContext, { request, response }: Exchange): Promise<void> {
  const { blob } = await readBody(request);
  if (blob !== undefined && typeof blob !== 'string') throw new PageError(400, 'The body is not as it should be.');
  const replayed = await replayQuarantined(access, blob);
  for (const { stored = '' } of replayed) {
    const call = readBlobName(stored.split('/').slice(-2).join('/'));
    if (call !== undefined) calls.hear(call);
  }
  void calls.refresh();
  sendJson(response, replayed);
}

async function readBody(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  // A form of another site cannot have this type without asking first (https://fetch.spec.whatwg.org/#cors-safelisted-request-header).
  if (request.headers['content-type'] !== 'application/json') throw new PageError(415, 'Only JSON.');
  if (!(Number(request.headers['content-length']) <= MOST_BODY_BYTES)) throw new PageError(413, 'Too much.');
  try {
    return Object(JSON.parse((await buffer(request)).toString()));
  } catch {
    throw new PageError(400, 'The body is not valid JSON.');
  }
}

async function blob({ access }: PageContext, { request, response, url, parts: [container = '', name = ''] }: Exchange) {
  const isDownload = url.searchParams.has('download');
  await sendBlob(access, { container, name }, { request, response, isDownload });
}

function isId(text: string): boolean {
  return idSchema.safeParse(text).success;
}

function sendJson(response: ServerResponse, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
