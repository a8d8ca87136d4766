import { randomBytes, randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { audioBody } from '../../tools/cli/send/audioBody.ts';
import { bodyOf } from '../../tools/cli/send/body.ts';
import { type Delivery as Sending, deliver as sendOnce } from '../../tools/cli/send/deliver.ts';
import { sign as signStream } from '../../tools/cli/send/sign.ts';
import { SECRET, sign, WEBHOOK_PATH } from '../support/context.ts';
import { foreignIds, refusedRequests } from '../support/hostileRequests.ts';
import { rawRequest } from '../support/rawRequest.ts';
import { until } from '../support/until.ts';
import { type AppProcess, startAppProcess } from './appProcess.ts';
import { newRecording, newTranscript } from './deliveries.ts';
import { startStorageWire } from './tcpFaultProxy.ts';

const MEBIBYTE = 1024 * 1024;
const POST_LINE = `POST ${WEBHOOK_PATH} HTTP/1.1`;
/** All that deliveries may take: blocks, JSON that arrives, and what the runtime holds of both. */
const MOST_GROWN_BYTES = 400 * MEBIBYTE;

let app: AppProcess;
let storage: Awaited<ReturnType<typeof startStorageWire>>;
let port: number;
const open = new Set<Socket>();
/** Under way from the first test on: nobody else may notice. */
let withOwnIds: ReturnType<typeof rawRequest>[];
beforeAll(async () => {
  storage = await startStorageWire(inject('storage'));
  const run = randomBytes(4).toString('hex');
  app = await startAppProcess({
    ELEVENLABS_WEBHOOK_SECRET: SECRET,
    ENABLE_AUDIO_STORAGE: 'true',
    CallStorage: storage.connectionString,
    ...Object.fromEntries(
      ['TRANSCRIPT', 'AUDIO', 'INCOMING', 'QUARANTINE'].map((name) => [
        `${name}_STORAGE_PATH`,
        `${name.toLowerCase()}-${run}`,
      ]),
    ),
  });
  port = Number(new URL(app.url).port);
  await isServed();
  withOwnIds = times(20, () => rawRequest(app.url, [POST_LINE, `x-ms-invocation-id: ${randomUUID()}`], '{}'));
  for (let others = 0; others < 20; others++) await isServed();
});
afterAll(async () => {
  for (const socket of open) socket.destroy();
  await app.stop();
  await storage.close();
});

/** Everybody else gets through meanwhile. */
async function isServed(): Promise<void> {
  const { body } = newTranscript();
  const headers = { 'elevenlabs-signature': sign(body), 'content-type': 'application/json' };
  expect((await send({ headers, body: bodyOf(body) })).status).toBe(200);
}

const send = (sending: Omit<Sending, 'url'>) => sendOnce({ url: new URL(app.url + WEBHOOK_PATH), ...sending });
const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));
const forgedHeader = (text = 'something else') => ({ 'elevenlabs-signature': sign(text) });

function openSocket(firstBytes = ''): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      if (firstBytes !== '') socket.write(firstBytes);
      resolve(socket);
    });
    open.add(socket);
    socket.on('error', reject);
  });
}

function close(sockets: readonly Socket[]): void {
  for (const socket of sockets) {
    socket.on('error', () => {});
    socket.destroy();
    open.delete(socket);
  }
}

const recordingOf = (bodyBytes: number) => audioBody({ mp3: randomBytes(3_000), bodyBytes });

describe('bodies of 200 MB', () => {
  const BYTES = 200e6;

  it('without a signature are refused at once: storage is asked for nothing, and nothing is held', async () => {
    const before = await app.nextVitals();
    const asked = storage.exchanges.length;
    const answers = await Promise.all(times(4, () => send({ body: recordingOf(BYTES), chunked: true })));
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    expect(storage.exchanges.slice(asked)).toEqual([]);
    await isServed();
    expect((await app.nextVitals()).peakBytes - before.residentBytes).toBeLessThan(MOST_GROWN_BYTES);
  });

  it('with a forged signature are refused at their end: nothing is committed, and memory stays within its bound', async () => {
    const before = await app.nextVitals();
    const asked = storage.exchanges.length;
    const body = recordingOf(BYTES);
    const signature = await signStream(body.chunks(), 'wsec_of_somebody_else', Math.floor(Date.now() / 1000));
    const headers = { 'elevenlabs-signature': signature };
    const { status } = await send({ headers, body, chunked: true });
    expect(status).toBe(401);
    const lines = storage.exchanges.slice(asked).map(({ line }) => line);
    expect(lines.filter((line) => !/comp=block&|restype=container/.test(line))).toEqual([]);
    await isServed();
    expect((await app.nextVitals()).peakBytes - before.residentBytes).toBeLessThan(MOST_GROWN_BYTES);
  });

  it('over the limit are refused as they flow, with 413', async () => {
    const headers = forgedHeader();
    const answer = await send({ headers, body: recordingOf(209_715_200 - 10_000), chunked: true });
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([413, 'body_too_large']);
    await isServed();
  });
});

/** Senders without a secret that send so much and then stand still, or send a byte now and then. */
async function holdBodies(count: number, bytes: Buffer): Promise<{ drip(): void; end(): Promise<number[]> }> {
  const answers: number[] = [];
  const requests = times(count, () => {
    const request = httpRequest(app.url + WEBHOOK_PATH, {
      method: 'POST',
      headers: { ...forgedHeader(), 'transfer-encoding': 'chunked' },
    });
    request.on('error', () => {});
    request.on('response', (response) => answers.push(response.resume().statusCode ?? 0));
    return request;
  });
  await Promise.all(requests.map((request) => new Promise<void>((resolve) => request.write(bytes, () => resolve()))));
  return {
    drip: () => {
      for (const request of requests) request.write(' ');
    },
    end: async () => {
      for (const request of requests) request.end(' ');
      await until(() => answers.length === count || undefined);
      return answers;
    },
  };
}

describe('many who hold JSON and do not go on', () => {
  it('are evicted when it is as much as one may hold: small events are taken, and memory stays within its bound', async () => {
    const before = await app.nextVitals();
    const greedy = await holdBodies(60, Buffer.alloc(15 * MEBIBYTE, ' '));
    await isServed();
    expect((await app.nextVitals()).peakBytes - before.residentBytes).toBeLessThan(MOST_GROWN_BYTES);
    expect(new Set(await greedy.end())).toEqual(new Set([401, 503]));
  });

  it('are evicted when it is less than a genuine transcript holds: that is taken, also while they drip', async () => {
    const greedy = await holdBodies(120, Buffer.alloc(900_000, ' '));
    const dripping = setInterval(greedy.drip, 20);
    const large = newTranscript()
      .body.toString()
      .replace(/^\{/, `{"filler":"${'words '.repeat(400_000)}",`);
    const headers = { 'elevenlabs-signature': sign(large), 'content-type': 'application/json' };
    for (let times = 0; times < 3; times++) {
      expect((await send({ headers, body: bodyOf(Buffer.from(large)), chunked: true })).status).toBe(200);
    }
    clearInterval(dripping);
    expect(new Set(await greedy.end())).toEqual(new Set([401, 503]));
  });
});

describe('many connections that', () => {
  const POST = `POST ${WEBHOOK_PATH} HTTP/1.1\r\nhost: localhost\r\n`;

  it.each([
    ['say nothing', 2_000, ''],
    ['never end their headers', 500, POST],
    ['never begin their body', 500, `${POST}elevenlabs-signature: ${sign('x')}\r\ncontent-length: 1000\r\n\r\n`],
    [
      'never end their body',
      500,
      `${POST}elevenlabs-signature: ${sign('x')}\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n`,
    ],
  ])('%s keep nobody else from being served', async (_what, count, firstBytes) => {
    const before = await app.nextVitals();
    const sockets = await Promise.all(times(count, () => openSocket(firstBytes)));
    await isServed();
    expect((await app.nextVitals()).peakBytes - before.residentBytes).toBeLessThan(MOST_GROWN_BYTES);
    close(sockets);
    await isServed();
  });
});

describe('headers that are too long', () => {
  const { body } = newTranscript();

  it('for the signature are refused before a byte of the body is read', async () => {
    const headers = {
      ...Object.fromEntries(times(90, (at) => [`x-flood-${at}`, 'x'.repeat(100)])),
      'elevenlabs-signature': `${sign(body)},${'v0=1,'.repeat(3_500)}`,
    };
    const answers = await Promise.all(times(20, () => send({ headers, body: bodyOf(body) })));
    const codes = answers.map(({ status, text }) => `${status} ${JSON.parse(text).code}`);
    expect(new Set(codes)).toEqual(new Set(['401 signature_malformed']));
    await isServed();
  });

  it('for the host are refused by it', async () => {
    const headers = Object.fromEntries(times(90, (at) => [`x-flood-${at}`, 'x'.repeat(1_000)]));
    const answers = await Promise.all(times(20, () => send({ headers, body: bodyOf(body) })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([431]));
    await isServed();
  });
});

it('requests that the library cannot take are answered by the hundred, and keep nobody else from being served', async () => {
  const before = await app.nextVitals();
  const heads = [...refusedRequests.map(({ head }) => head), ...foreignIds.map(([, ids]) => [POST_LINE, ...ids])];
  const answers = await Promise.all(times(300, (at) => rawRequest(app.url, heads[at % heads.length] ?? [], '{}')));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400, 401]));
  await isServed();
  expect((await app.nextVitals()).peakBytes - before.residentBytes).toBeLessThan(MOST_GROWN_BYTES);
});

it('callers with an id of their own wait for 30 s at most, and keep nobody else from being served', async () => {
  const answers = await Promise.all(withOwnIds);
  expect(new Set(answers.map(({ status, body }) => `${status} ${JSON.parse(body).code}`))).toEqual(
    new Set(['503 invocation_missing']),
  );
  await isServed();
});

it('bodies with a length, and a member that hides the headers, are stored, however many come at once', async () => {
  const answers = await Promise.all(
    times(50, () => {
      const { body: text } = newTranscript();
      const body = Buffer.from(
        JSON.stringify({ ...JSON.parse(text.toString()), headers: { 'elevenlabs-signature': '' } }),
      );
      return send({ headers: { 'elevenlabs-signature': sign(body) }, body: bodyOf(body) });
    }),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
});

it('a hundred bodies that were refused and are still being read do not delay a genuine recording', async () => {
  const before = await app.nextVitals();
  const recording = newRecording(randomBytes(5_000_000));
  const headers = () => ({ 'elevenlabs-signature': sign(recording.body) });
  const alone = await send({ headers: headers(), body: bodyOf(recording.body), chunked: true });

  const refused = times(100, () => dripping({ host: '127.0.0.1', port }));
  await until(() => app.served.served.text().split('signature_missing').length > 100 || undefined);
  const among = await send({ headers: headers(), body: bodyOf(recording.body), chunked: true });
  expect([alone.status, among.status]).toEqual([200, 200]);
  expect(among.milliseconds).toBeLessThan(alone.milliseconds * 10 + 5_000);
  expect((await app.nextVitals()).peakBytes - before.residentBytes).toBeLessThan(MOST_GROWN_BYTES);

  for (const { end } of refused) end();
  const answers = await Promise.all(refused.map(({ answer }) => answer));
  expect(new Set(answers)).toEqual(new Set([401]));
});

/** An upload without a signature that goes on, a little at a time, until it is told to end. */
function dripping(address: { host: string; port: number }): { end: () => void; answer: Promise<number> } {
  const request = httpRequest({
    ...address,
    path: WEBHOOK_PATH,
    method: 'POST',
    agent: false,
    headers: { 'transfer-encoding': 'chunked' },
  });
  const piece = Buffer.alloc(16 * 1024);
  request.write(Buffer.alloc(MEBIBYTE));
  const drip = setInterval(() => request.write(piece), 50);
  const answer = new Promise<number>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => resolve(response.resume().statusCode ?? 0));
  });
  return {
    answer,
    end: () => {
      clearInterval(drip);
      request.end();
    },
  };
}
