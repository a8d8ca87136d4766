import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { rememberDelivery } from '../support/confidential.ts';
import {
  audioEvent,
  type Context,
  newCall,
  send,
  sign,
  startContext,
  transcription,
  WEBHOOK_PATH,
} from '../support/context.ts';
import { foreignIds, MARKER, refusedRequests } from '../support/hostileRequests.ts';
import { rawRequest } from '../support/rawRequest.ts';

let context: Context;

beforeAll(async () => {
  context = await startContext({ LOG_FORMAT: 'json' });
});

afterAll(() => context.close());

/** Headers by which proxies and platforms tell an app who is calling, as a stranger would set them. */
const pretended = {
  'x-forwarded-for': '35.204.38.71',
  'x-real-ip': '35.204.38.71',
  'x-azure-clientip': '35.204.38.71',
  'x-ms-client-principal': 'eyJ1c2VySWQiOiJhZG1pbiJ9',
  'x-functions-key': 'a-key-of-no-use',
};

async function post(body: string, headers: Record<string, string>, query = ''): Promise<number> {
  rememberDelivery(Buffer.from(JSON.stringify(headers)), null);
  const response = await fetch(`${context.host.url}${WEBHOOK_PATH}${query}`, { method: 'POST', body, headers });
  await response.arrayBuffer();
  return response.status;
}

it('headers that pretend to be somebody neither help nor harm, and are not logged', async () => {
  const forged = JSON.stringify(transcription());
  expect(await post(forged, { ...pretended, 'elevenlabs-signature': sign(forged, 'wsec_other') })).toBe(401);
  expect(await post(forged, pretended)).toBe(401);
  expect(await context.paths()).toEqual([]);
  const genuine = JSON.stringify(transcription());
  expect(await post(genuine, { ...pretended, 'elevenlabs-signature': sign(genuine) })).toBe(200);
});

describe.each(['headers', 'Headers'])('a query member named %s', (name) => {
  const query = (signature: string) =>
    `?${name}=${encodeURIComponent(JSON.stringify({ 'elevenlabs-signature': signature }))}`;

  it('hides no signature', async () => {
    const event = JSON.stringify(transcription());
    for (const value of [sign(event, 'wsec_other'), ''])
      expect(await post(event, { 'elevenlabs-signature': sign(event) }, query(value))).toBe(200);
  });

  it('supplies no signature', async () => {
    const before = await context.paths();
    const event = JSON.stringify(transcription());
    expect(await post(event, {}, query(sign(event)))).toBe(401);
    expect(await post(event, { 'elevenlabs-signature': sign(event, 'wsec_other') }, query(sign(event)))).toBe(401);
    expect(await context.paths()).toEqual(before);
  });
});

it.each([
  ['headers', { 'elevenlabs-signature': 'of its own' }],
  ['Headers', { 'elevenlabs-signature': 'of its own' }],
  ['headers', {}],
  ['headers', 'text'],
])('a body with a length and a member named %s, %j, is stored as any other', async (name, value) => {
  const call = newCall();
  const body = JSON.stringify({ ...transcription(call), [name]: value });
  expect((await send(context, body)).status).toBe(200);
  expect(await context.stored((path) => path.includes(call.conversation_id))).toMatchObject([
    { bytes: Buffer.from(body) },
  ]);
});

it.each(refusedRequests)('$what is answered 400 at once, and nothing of it is in the log', async (request) => {
  const answer = await refused(request.head, request.body);
  expect(answer.line).toMatchObject({ status: 400, code: 'invalid_request', reason: request.reason });
});

it.each(foreignIds)(
  '%s as x-ms-invocation-id is answered 400 at once, and the app lives on',
  async (_what, headers) => {
    const answer = await refused([`POST ${WEBHOOK_PATH} HTTP/1.1`, ...headers], '{}');
    expect(answer.line).toMatchObject({ status: 400, code: 'invalid_request', reason: 'invocation_id' });
    expect((await send(context, JSON.stringify(transcription()))).status).toBe(200);
  },
);

it('a pre-call request that is refused in front of its function is answered in the format of pre-call', async () => {
  const answer = await rawRequest(context.host.url, ['POST /elevenlabs/precall/webhook?Headers=[1] HTTP/1.1'], '{}');
  expect(JSON.parse(answer.body)).toMatchObject({
    status: 'error',
    error_code: 'INVALID_REQUEST',
    reason: 'invalid_request',
  });
});

it.each([
  ['signature', 17, 401],
  ['other', 17, 401],
  ['other', 31, 401],
  ['other', 33, 431],
  ['other', 63, 431],
])('a header of %s kB (%s) is answered, on any route', async (name, kilobytes, status) => {
  const value = 'a'.repeat(kilobytes * 1000);
  const header = name === 'signature' ? `elevenlabs-signature: t=1,v0=${value}` : `x-long: ${value}`;
  expect((await rawRequest(context.host.url, [`POST ${WEBHOOK_PATH} HTTP/1.1`, header], '{}')).status).toBe(status);
  const health = await rawRequest(context.host.url, ['GET /health HTTP/1.1', header]);
  expect(health.status).toBe(status === 401 ? 200 : status);
});

/** Sends a request that is refused in front of the functions, and gives the one line that tells of it. */
async function refused(head: readonly string[], body?: string) {
  const before = context.lines.length;
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  const answer = await rawRequest(context.host.url, head, body);
  const lines = [...context.lines.slice(before).map(({ message }) => message), ...warn.mock.calls.map(String)];
  warn.mockRestore();
  expect([answer.status, JSON.parse(answer.body).code]).toEqual([400, 'invalid_request']);
  const told = lines.filter((line) => line.includes('outcome'));
  expect(told).toHaveLength(1);
  expect(lines.join('\n')).not.toContain(MARKER);
  return { ...answer, line: JSON.parse(told[0] ?? '{}') };
}

it('what a forged recording stages cannot be seen, has a name of its own, and touches no name of the call', async () => {
  const call = newCall();
  const body = JSON.stringify(audioEvent(randomBytes(9_000_000), call));
  expect((await send(context, body, { secret: 'wsec_other', chunkBytes: 65_536 })).status).toBe(401);
  expect(await context.stored((path) => path.includes(call.agent_id) || path.includes('incoming'))).toEqual([]);

  const names: string[] = [];
  for (const container of Object.values(context.containers)) {
    const client = context.blobs.getContainerClient(container);
    if (!(await client.exists())) continue;
    for await (const { name } of client.listBlobsFlat({ includeUncommitedBlobs: true }))
      names.push(`${container}/${name}`);
  }
  const staged = names.filter((name) => name.startsWith(context.containers.incoming));
  expect(staged).toEqual([expect.stringMatching(/^incoming-[0-9a-f]+\/[0-9a-f-]{36}$/)]);
  expect(names.filter((name) => name.includes(call.conversation_id))).toEqual([]);
});
