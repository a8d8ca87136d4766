import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { expect, inject, test } from 'vitest';
import type { CallPage, QuarantinePage } from '../../tools/page/api.ts';
import { servePage } from '../support/servePage.ts';
import { metadataOfCall, type StoredCalls, storedCalls, transcriptOf } from '../support/storedCalls.ts';
import { run } from './run.ts';

/** The page as a browser asks for it, after its address was opened. */
interface Opened {
  readonly stored: StoredCalls;
  readonly url: URL;
  readonly cookie: string;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  json<T>(path: string): Promise<T>;
  post(path: string, body: object, headers?: Record<string, string>): Promise<Response>;
  hear(conversationId: string): void;
}

async function open(stored = storedCalls()): Promise<Opened> {
  const page = await servePage(stored);
  const url = new URL(page.url);
  const hear = (conversationId: string) => page.hear({ agentId: 'agent_1', conversationId });
  const entered = await fetch(url);
  const cookie = entered.headers.get('set-cookie')?.split(';')[0] ?? '';
  const get = (path: string, headers = {}) => fetch(new URL(path, url), { headers: { cookie, ...headers } });
  return {
    stored,
    url,
    cookie,
    get,
    hear,
    json: async <T>(path: string) => (await get(path)).json() as Promise<T>,
    post: (path, body, headers = {}) =>
      fetch(new URL(path, url), {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { cookie, 'content-type': 'application/json', ...headers },
      }),
  };
}

async function oneCall(words = 'Where is my bicycle?'): Promise<StoredCalls> {
  const stored = storedCalls();
  await stored.put('transcripts', 'agent_1/conv_1.json', transcriptOf('conv_1', words), metadataOfCall('conv_1'));
  await stored.put('audio', 'agent_1/conv_1.mp3', '0123456789');
  return stored;
}

/** With headers that fetch would not send. */
async function ask(url: URL, headers: Record<string, string>): Promise<{ status: number; text: string }> {
  const request = httpRequest(url, { headers, agent: false }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, text: (await buffer(response)).toString() };
}

/** Events of the stream, one after the other. */
async function* events({ url, cookie }: Opened): AsyncGenerator<{ event: string; data: never }> {
  const abort = new AbortController();
  const { body } = await fetch(new URL('/api/events', url), { headers: { cookie }, signal: abort.signal });
  let text = '';
  try {
    for await (const chunk of (body as ReadableStream).pipeThrough(new TextDecoderStream())) {
      text += chunk;
      for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
        const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
        text = text.slice(end + 2);
        if (event !== undefined && data !== undefined) yield { event, data: JSON.parse(data) as never };
      }
    }
  } finally {
    abort.abort();
  }
}

test('the address opens the page once, for a cookie that scripts and other sites do not get', async () => {
  const { url } = await servePage(storedCalls());
  const entered = await fetch(url);
  expect(entered.headers.get('set-cookie')).toMatch(/^calls_\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
  expect(await entered.text()).toContain('url=/');
  expect((await fetch(url)).status).toBe(401);
  const cookie = entered.headers.get('set-cookie')?.split(';')[0] ?? '';
  expect((await fetch(url, { headers: { cookie } })).status).toBe(200);
  const page = await fetch(new URL('/', url), { headers: { cookie } });
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
});

test('a HEAD request, as link previews send it, does not use up the address', async () => {
  const { url } = await servePage(storedCalls());
  expect((await fetch(url, { method: 'HEAD' })).status).toBe(401);
  expect((await fetch(url)).status).toBe(200);
});

test.each(['/', '/?token=x', '/page.js', '/api/about', '/api/events', '/api/calls/a/b', '/blobs/a/b', '/nothing'])(
  '%s is refused without the cookie',
  async (path) => {
    const { url } = await servePage(storedCalls());
    const refused = await fetch(new URL(path, url));
    expect([refused.status, refused.headers.get('set-cookie')]).toEqual([401, null]);
    expect((await fetch(new URL(path, url), { headers: { cookie: `calls_${new URL(url).port}=x` } })).status).toBe(401);
  },
);

test.each([
  [{ host: 'evil.example' }, 403],
  [{ host: 'evil.example:7171' }, 403],
  [{ origin: 'http://evil.example' }, 403],
  [{ origin: 'null' }, 403],
  [{ 'sec-fetch-site': 'cross-site' }, 403],
  [{ 'sec-fetch-site': 'same-site' }, 403],
  [{ 'sec-fetch-site': 'same-origin' }, 200],
  [{ 'sec-fetch-site': 'none' }, 200],
])('a request with %j and the cookie is answered %i', async (headers, status) => {
  const { url, cookie } = await open();
  expect((await ask(new URL('/api/about', url), { cookie, ...headers })).status).toBe(status);
});

test('every answer forbids other origins, inline code, embedding and keeping it', async () => {
  const opened = await open();
  for (const path of ['/', '/page.js', '/api/about', '/nothing']) {
    const { headers } = await opened.get(path);
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self' 'nonce-[\w-]{22}'; connect-src 'self'; media-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    );
    expect(Object.fromEntries(headers)).toMatchObject({
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    expect(headers.get('access-control-allow-origin')).toBeNull();
  }
});

test('the stream of events tells what is stored, what comes at once, and what was erased with the next listing', async () => {
  const opened = await open(await oneCall());
  const { stored } = opened;
  const seen: string[] = [];
  for await (const { event, data } of events(opened)) {
    seen.push(`${event} ${JSON.stringify(data).replace(/.*"conversation_id":"(\w+)".*/, '$1')}`);
    if (event === 'listed' && seen.length === 2) {
      await stored.put('transcripts', 'agent_1/conv_2.json', transcriptOf('conv_2', ''), metadataOfCall('conv_2'));
      await stored.put('transcripts', 'agent_1/conv_1.json', '', { erased_at: '2026-11-26T10:00:00.000Z' });
      await stored.put('audio', 'agent_1/conv_1.mp3', '', { erased_at: '2026-11-26T10:00:00.000Z' });
      opened.hear('conv_2');
    }
    if (event === 'gone') break;
  }
  const listed = (matching: number) => `listed {"matching":${matching},"quarantined":0}`;
  expect(seen).toEqual(['calls conv_1', listed(1), 'calls conv_2', 'gone ["agent_1/conv_1"]']);
});

test('a call has its transcript, its blobs, and what its metadata says', async () => {
  const opened = await open(await oneCall());
  const call = await opened.json<CallPage>('/api/calls/agent_1/conv_1');
  expect(call).toMatchObject({
    conversation_id: 'conv_1',
    missing: [],
    transcript: { transcript: [{ role: 'user', message: 'Where is my bicycle?' }] },
    failure: null,
  });
  expect(call.blobs.map(({ form }) => form).sort()).toEqual(['recording', 'transcript']);
  expect((await opened.get('/api/calls/agent_1/conv_2')).status).toBe(404);
  expect((await opened.get('/api/calls/agent_1/..%2Fstate')).status).toBe(404);
});

test('a failed call has what its event says', async () => {
  const stored = storedCalls();
  const data = { failure_reason: 'busy', metadata: { type: 'sip', body: { sip_status_code: 486 } } };
  await stored.put('callFailures', 'agent_1/conv_1.json', { type: 'call_initiation_failure', data });
  const call = await (await open(stored)).json<CallPage>('/api/calls/agent_1/conv_1');
  expect(call).toMatchObject({ has: { failure: true }, failure_reason: 'busy', transcript: null, failure: data });
});

test.each([
  [undefined, 200, '0123456789', null],
  ['bytes=0-', 206, '0123456789', 'bytes 0-9/10'],
  ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
  ['bytes=-3', 206, '789', 'bytes 7-9/10'],
  ['bytes=8-99', 206, '89', 'bytes 8-9/10'],
  ['bytes=10-', 416, undefined, 'bytes */10'],
  ['bytes=4-2', 200, '0123456789', null],
  ['bytes=0-1,4-5', 200, '0123456789', null],
])('a recording asked for with Range %s is answered %i', async (range, status, text, contentRange) => {
  const opened = await open(await oneCall());
  const { container, prefix } = opened.stored.areas.audio;
  const answer = await opened.get(
    `/blobs/${container}/${prefix}agent_1/conv_1.mp3`,
    range === undefined ? {} : { range },
  );
  expect([answer.status, answer.headers.get('content-range')]).toEqual([status, contentRange]);
  if (text !== undefined) {
    expect(await answer.text()).toBe(text);
    expect(answer.headers.get('content-type')).toBe('audio/mpeg');
  }
});

test('a download has the name of the blob, and breaks off when its bytes are not those that were stored', async () => {
  const opened = await open(await oneCall());
  const { container, prefix } = opened.stored.areas.audio;
  const path = `/blobs/${container}/${prefix}agent_1/conv_1.mp3?download`;
  const whole = await opened.get(path);
  expect([whole.headers.get('content-disposition'), await whole.text()]).toEqual([
    'attachment; filename="conv_1.mp3"',
    '0123456789',
  ]);
  await opened.stored.put('audio', 'agent_1/conv_1.mp3', 'something else', { sha256: '0'.repeat(64) });
  await expect(opened.get(path).then((answer) => answer.text())).rejects.toThrow();
});

test('nothing but calls and quarantine can be read, whatever the account holds', async () => {
  const opened = await open(await oneCall());
  await opened.stored.put('state', 'caller-key.json', 'a key');
  await opened.stored.put('transcripts', 'notes.json', 'of somebody else');
  await opened.stored.put('transcripts', 'agent_1/conv_3.json', '', { erased_at: '2026-11-26T10:00:00.000Z' });
  const { state, transcripts, audio } = opened.stored.areas;
  for (const path of [
    `${state.container}/caller-key.json`,
    `${transcripts.container}/notes.json`,
    `${transcripts.container}/agent_1/conv_3.json`,
    `${audio.container}/agent_1/conv_1.mp3`,
    `nothing-here/agent_1/conv_1.mp3`,
    `${transcripts.container}/..%2F${state.container}/caller-key.json`,
    '%00/%',
  ]) {
    expect([path, (await opened.get(`/blobs/${path}`)).status]).toEqual([path, 404]);
  }
});

test('a search finds what was said, and says how far it is', async () => {
  const opened = await open(await oneCall('The Straße is long.'));
  const lines = async (query: string) =>
    (await (await opened.get(`/api/search?${query}`)).text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  expect(await lines('text=STRASSE')).toEqual([{ found: ['agent_1/conv_1'] }]);
  expect(await lines('text=strasse&since=2027-01-01T00:00:00Z')).toEqual([{ found: [] }]);
  expect(await lines('text=strasse&agent=agent_2')).toEqual([{ found: [] }]);
  expect((await opened.get('/api/search?text=%20')).status).toBe(400);
  expect((await opened.get('/api/search?text=a&agent=a/b')).status).toBe(400);
});

test('what is in quarantine is shown with its reason, and one of it is replayed in place', async () => {
  const stored = storedCalls();
  const metadata = { quarantine_reason: 'unknown_type', received_at: '2026-11-26T10:00:00.000Z' };
  await stored.put('quarantine', 'unknown_type/2026-11-26/aaa.json', transcriptOf('conv_1', 'words'), metadata);
  await stored.put('quarantine', 'unknown_type/2026-11-26/aab.json', 'no event', metadata);
  const opened = await open(stored);
  const { items } = await opened.json<QuarantinePage>('/api/quarantine');
  expect(items.map((item) => item.metadata['quarantine_reason'])).toEqual(['unknown_type', 'unknown_type']);
  const blob = `${stored.areas.quarantine.container}/unknown_type/2026-11-26/aaa.json`;
  const outcomes = await (await opened.post('/api/quarantine/replay', { blob })).json();
  expect(outcomes).toMatchObject([{ blob, outcome: 'stored', stored: expect.stringContaining('conv_1.json') }]);
  expect(await stored.names()).toEqual([
    'quarantine/unknown_type/2026-11-26/aab.json',
    'transcripts/agent_1/conv_1.json',
  ]);
  const all = await (await opened.post('/api/quarantine/replay', {})).json();
  expect(all).toMatchObject([{ outcome: 'quarantined' }]);
});

test('a replay takes JSON of the page alone', async () => {
  const opened = await open();
  const asForm = await opened.post('/api/quarantine/replay', {}, { 'content-type': 'text/plain' });
  expect(asForm.status).toBe(415);
  const { cookie } = opened;
  const other = await ask(new URL('/api/quarantine/replay', opened.url), { cookie, origin: 'http://127.0.0.1:1' });
  expect(other.status).toBe(403);
  expect((await opened.get('/api/quarantine/replay')).status).toBe(405);
});

test('calls page says its address and ends with Ctrl-C', async () => {
  const stored = await oneCall();
  const page = run(['tools/cli/calls.ts', 'page', '--port', '0'], {
    ...stored.settings,
    CallStorage: inject('storage'),
  });
  await page.says('Ctrl-C');
  const url = /http:\S+/.exec(page.text())?.[0] ?? '';
  expect((await fetch(url)).status).toBe(200);
  const taken = run(['tools/cli/calls.ts', 'page', '--port', new URL(url).port], stored.settings);
  expect([await taken.ended, taken.text()]).toEqual([1, expect.stringContaining('is taken')]);
  page.child.kill('SIGINT');
  expect(await page.ended).toBe(0);
});
