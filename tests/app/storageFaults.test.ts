import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { app } from '@azure/functions';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { guardFunctions } from '../../src/lib/guardFunctions.ts';
import { BLOCKS_PER_PROCESS } from '../../src/lib/postCall/callStore.ts';
import { postCallHandler } from '../../src/lib/postCall/handler.ts';
import { openServices, type Services } from '../../src/lib/services.ts';
import { sweep } from '../../src/lib/sweep.ts';
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
import { storageAt } from '../support/drafts.ts';
import { type FaultProxy, startFaultProxy } from '../support/faultProxy.ts';
import { until } from '../support/until.ts';

const recording = randomBytes(9 * 1024 * 1024);
const PIECES = { chunkBytes: 60_000 };
const SOON = { totalMs: 4_000, persistMs: 8_000, tryMs: 2_000 };
const AN_HOUR_MS = 3_600_000;
const HURRIED_PATH = 'elevenlabs/hurried';
const PATIENT_PATH = 'elevenlabs/patient';
const PERSISTENT_PATH = 'elevenlabs/persistent';

let proxy: FaultProxy;
let context: Context;
let services: Services;
beforeAll(async () => {
  proxy = await startFaultProxy(inject('storage'));
  context = await startContext({ CallStorage: proxy.connectionString }, async () => {
    services = openServices(process.env, { storageBudget: SOON });
    app.setup({ enableHttpStream: true });
    app.http('postCallWebhook', { route: 'elevenlabs/webhook', methods: ['POST'], handler: postCallHandler(services) });
    const hurried = postCallHandler(services, { bodyDeadlineSeconds: 1 });
    app.http('hurriedWebhook', { route: HURRIED_PATH, methods: ['POST'], handler: hurried });
    // With the budgets of production: the machine may be slow.
    const patient = postCallHandler(openServices(process.env));
    app.http('patientWebhook', { route: PATIENT_PATH, methods: ['POST'], handler: patient });
    // Transcripts give up soon, what is never sent again does not.
    const persistent = postCallHandler(openServices(process.env, { storageBudget: { ...SOON, persistMs: Infinity } }));
    app.http('persistentWebhook', { route: PERSISTENT_PATH, methods: ['POST'], handler: persistent });
    guardFunctions(services);
  });
});
afterAll(async () => {
  await context.close();
  await proxy.close();
});
afterEach(() => {
  proxy.onRequest = () => undefined;
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const storedOf = (call: { conversation_id: string }) =>
  context.stored((_path, metadata) => metadata['conversation_id'] === call.conversation_id);
const deliveryLine = () => context.lines.filter((line) => line.message.startsWith('delivery ')).at(-1)?.message;
const noLog = { write: () => {} };

/** A fault for the first `times` requests that match. */
function first(times: number, matches: RegExp, fault: ReturnType<FaultProxy['onRequest']>): FaultProxy['onRequest'] {
  let left = times;
  return (method, target) => {
    if (!matches.test(`${method} ${target}`) || left === 0) return undefined;
    left--;
    return fault;
  };
}

const puts = {
  transcript: /^PUT .*\/transcripts-.*\.json/,
  block: /comp=block&/,
  commit: /comp=blocklist/,
  copy: /^PUT .*\/audio-.*\.mp3/,
};

describe('short outages are ridden out', () => {
  it.each<[string, ReturnType<FaultProxy['onRequest']>]>([
    ['throttled with 503', { kind: 'answer', status: 503 }],
    ['throttled with 429', { kind: 'answer', status: 429 }],
    ['a server error', { kind: 'answer', status: 500 }],
    ['a refused connection', { kind: 'refuse' }],
    ['a hung connection', { kind: 'hang' }],
  ])('%s, once', async (_name, fault) => {
    proxy.onRequest = first(1, puts.transcript, fault);
    const event = transcription();
    expect((await send(context, JSON.stringify(event))).status).toBe(200);
    expect(await storedOf(event.data)).toHaveLength(1);
  });

  it.each(['block', 'commit', 'copy'] as const)('a large recording whose %s is refused once', async (step) => {
    proxy.onRequest = first(1, puts[step], { kind: 'refuse' });
    const event = audioEvent(recording);
    expect((await send(context, JSON.stringify(event), PIECES)).status).toBe(200);
    expect((await storedOf(event.data)).map((blob) => blob.metadata['sha256'])).toEqual([sha256(recording)]);
  });
});

describe('a lost answer is settled by looking at what is stored', () => {
  it('to the put of a transcript: stored, not a duplicate', async () => {
    proxy.onRequest = first(1, puts.transcript, { kind: 'lose-answer' });
    const event = transcription();
    expect((await send(context, JSON.stringify(event))).status).toBe(200);
    expect(await storedOf(event.data)).toHaveLength(1);
    expect(deliveryLine()).toMatch(/outcome=stored .*duplicate=false/);
  });

  it.each(['block', 'commit', 'copy'] as const)('to the %s of a large recording', async (step) => {
    proxy.onRequest = first(1, puts[step], { kind: 'lose-answer' });
    const event = audioEvent(recording);
    expect((await send(context, JSON.stringify(event), PIECES)).status).toBe(200);
    expect((await storedOf(event.data)).map((blob) => sha256(blob.bytes))).toEqual([sha256(recording)]);
    expect(deliveryLine()).toMatch(/outcome=stored .*duplicate=false/);
  });
});

describe('an outage longer than the time budget', () => {
  it.each([
    ['storage is gone', { kind: 'refuse' } as const],
    ['storage hangs', { kind: 'hang' } as const],
    ['storage refuses access', { kind: 'answer', status: 403 } as const],
  ])('%s: 503 with Retry-After for a transcript, and stored when it comes again', async (_name, fault) => {
    proxy.onRequest = () => fault;
    const event = transcription();
    const answer = await send(context, JSON.stringify(event));
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toMatch(/^\d+$/);
    expect(answer.json['code']).toBe('storage_unavailable');
    expect(deliveryLine()).toContain('hint=');
    expect(await storedOf(event.data)).toEqual([]);
    proxy.onRequest = () => undefined;
    expect((await send(context, JSON.stringify(event))).status).toBe(200);
    expect(await storedOf(event.data)).toHaveLength(1);
  });

  it('in the middle of a recording: 503, nothing visible, and no block buffer is lost', async () => {
    let blocks = 0;
    proxy.onRequest = (_method, target) =>
      /comp=block&/.test(target) && ++blocks > 1 ? { kind: 'refuse' } : undefined;
    const event = audioEvent(recording);
    expect((await send(context, JSON.stringify(event), PIECES)).status).toBe(503);
    expect(await storedOf(event.data)).toEqual([]);
    await until(() => services.postCall?.store.pool.leased === 0 || undefined);
  });
});

describe('an event that the sender never sends again', () => {
  const failure = () => ({
    type: 'call_initiation_failure',
    event_timestamp: Math.floor(Date.now() / 1000),
    data: { ...newCall(), failure_reason: 'busy', metadata: { type: 'sip', body: { sip_status_code: 486 } } },
  });

  it.each<[string, { readonly data: { conversation_id: string } }, ReturnType<FaultProxy['onRequest']>]>([
    ['a large recording', audioEvent(randomBytes(5_000_000)), { kind: 'refuse' }],
    ['a small recording', audioEvent(randomBytes(1_000)), { kind: 'answer', status: 503 }],
    ['a call failure', failure(), { kind: 'hang' }],
    ['a call failure whose storage refuses access', failure(), { kind: 'answer', status: 403 }],
  ])('%s is stored after an outage that costs a transcript its 503', async (_name, event, fault) => {
    let isOver = false;
    proxy.onRequest = () => (isOver ? undefined : fault);
    const [answer, ofTranscript] = await Promise.all([
      send(context, JSON.stringify(event), { ...PIECES, path: `/${PERSISTENT_PATH}` }),
      send(context, JSON.stringify(transcription()), { path: `/${PERSISTENT_PATH}` }).finally(() => {
        isOver = true;
      }),
    ]);
    expect([answer.status, ofTranscript.status]).toEqual([200, 503]);
    expect(await storedOf(event.data)).toHaveLength(1);
  });

  it('is tried until its delivery ends, and then the hint has what storage said last', async () => {
    proxy.onRequest = () => ({ kind: 'answer', status: 500, headers: { 'x-ms-error-code': 'InternalError' } });
    const storage = storageAt(proxy.connectionString, { totalMs: 10, persistMs: Infinity, tryMs: 10_000 });
    const before = proxy.requests.length;
    const end = new AbortController();
    const attempt = storage
      .until(end.signal, { persists: true })
      .attempt('none', (container, abortSignal) => container.getProperties({ abortSignal }));
    await until(() => proxy.requests.length >= before + 3 || undefined);
    end.abort();
    await expect(attempt).rejects.toMatchObject({ hint: expect.stringContaining('(500, ') });
  });
});

describe('a store that flickers', () => {
  // By their number, not by a clock: on a slow machine few requests fit into a second.
  it('refuses two of each eight requests and loses the answers of two more: everything gets through', async () => {
    let count = 0;
    proxy.onRequest = () => {
      const turn = count++ % 8;
      return turn < 2 ? { kind: 'refuse' } : turn < 4 ? { kind: 'lose-answer' } : undefined;
    };
    const recordings = [audioEvent(recording), audioEvent(randomBytes(5_000_000))];
    const others = Array.from({ length: 10 }, () => transcription());
    const answers = await Promise.all([
      ...recordings.map((event) => send(context, JSON.stringify(event), { ...PIECES, path: `/${PATIENT_PATH}` })),
      ...others.map((event) => send(context, JSON.stringify(event), { path: `/${PATIENT_PATH}` })),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(200));
    for (const { data } of recordings) expect(await storedOf(data)).toHaveLength(1);
  }, 60_000);
});

describe('what is left between commit and copy', () => {
  const leaveBehind = async () => {
    proxy.onRequest = (method, target) => (puts.copy.test(`${method} ${target}`) ? { kind: 'refuse' } : undefined);
    const event = audioEvent(recording);
    const answer = await send(context, JSON.stringify(event), PIECES);
    proxy.onRequest = () => undefined;
    expect(answer.status).toBe(503);
    expect((await storedOf(event.data)).map((blob) => blob.path.split('/')[0])).toEqual([context.containers.incoming]);
    return event;
  };

  it('is left alone by the sweep while it is young, and finished when it is older than the longest delivery', async () => {
    const event = await leaveBehind();
    await sweep(services, noLog);
    expect((await storedOf(event.data)).map((blob) => blob.path.split('/')[0])).toEqual([context.containers.incoming]);
    await sweep({ ...services, now: () => Date.now() + AN_HOUR_MS }, noLog);
    const blobs = await storedOf(event.data);
    expect(blobs.map((blob) => blob.path)).toEqual([
      `${context.containers.audio}/${event.data.agent_id}/${event.data.conversation_id}.mp3`,
    ]);
    expect(sha256(blobs[0]?.bytes ?? Buffer.alloc(0))).toBe(sha256(recording));
    expect(blobs[0]?.contentType).toBe('audio/mpeg');
  });

  it('is finished once by many sweeps at once', async () => {
    const event = await leaveBehind();
    const later = { ...services, now: () => Date.now() + AN_HOUR_MS };
    const lines: string[] = [];
    const log = {
      write: (level: string, _message: string, fields?: object) =>
        void lines.push(`${level} ${JSON.stringify(fields)}`),
    };
    await Promise.all(Array.from({ length: 5 }, () => sweep(later, log)));
    expect(lines.filter((line) => line.startsWith('ERROR'))).toEqual([]);
    expect(await storedOf(event.data)).toHaveLength(1);
    expect(await context.storedIn(context.containers.incoming)).toEqual([]);
  });

  it('is deleted when the same recording came again meanwhile', async () => {
    const event = await leaveBehind();
    expect((await send(context, JSON.stringify(event), PIECES)).status).toBe(200);
    await sweep({ ...services, now: () => Date.now() + AN_HOUR_MS }, noLog);
    expect(await storedOf(event.data)).toHaveLength(1);
    expect(await context.storedIn(context.containers.incoming)).toEqual([]);
  });

  it('stays and is reported when its metadata does not say where it belongs', async () => {
    const foreign = context.blobs.getContainerClient(context.containers.incoming).getBlockBlobClient('foreign');
    await foreign.upload('x', 1);
    const lines: string[] = [];
    await sweep(
      { ...services, now: () => Date.now() + AN_HOUR_MS },
      { write: (level, _message, fields) => void lines.push(`${level} ${fields?.['name']}`) },
    );
    expect(lines).toContain('ERROR foreign');
    expect(await foreign.exists()).toBe(true);
    await foreign.delete();
  });
});

describe('slow senders', () => {
  it('a body that trickles is refused with 408 at the deadline, and nothing of it is visible', async () => {
    const event = transcription();
    const text = JSON.stringify(event);
    const status = await new Promise<number>((resolve, reject) => {
      const request = httpRequest(
        `${context.host.url.replace(/\/$/, '')}/${HURRIED_PATH}`,
        { method: 'POST', headers: { 'elevenlabs-signature': sign(text), 'transfer-encoding': 'chunked' } },
        (answer) => resolve(answer.resume().statusCode ?? 0),
      );
      request.on('error', reject);
      const before = context.lines.length;
      const isRefused = () => context.lines.slice(before).some(({ message }) => message.includes('body_too_slow'));
      // The host hands the answer on once the body has ended.
      const timer = setInterval(() => (isRefused() ? request.end() : request.write(' ')), 100);
      request.on('response', () => clearInterval(timer));
      request.on('close', () => clearInterval(timer));
    });
    expect(status).toBe(408);
    expect(await storedOf(newCall())).toEqual([]);
    expect(deliveryLine()).toContain('code=body_too_slow');
  });
});

describe('storage that answers with something else than yes', () => {
  it.each([
    ['400 InvalidHeaderValue', 400, 'InvalidHeaderValue'],
    ['409 ContainerBeingDeleted', 409, 'ContainerBeingDeleted'],
    ['409 FeatureNotSupportedForAccount', 409, 'FeatureNotSupportedForAccount'],
    ['412 LeaseIdMissing', 412, 'LeaseIdMissing'],
  ])('%s is 503, and the log line has the ids of the delivery', async (_name, status, code) => {
    proxy.onRequest = () => ({ kind: 'answer', status, headers: { 'x-ms-error-code': code } });
    const event = transcription();
    const answer = await send(context, JSON.stringify(event));
    expect(answer.status).toBe(503);
    expect(answer.json['code']).toBe('storage_unavailable');
    expect(deliveryLine()).toContain(`conversation=${event.data.conversation_id}`);
    expect(deliveryLine()).toContain(code);
  });

  it('a copy that stays pending ends within the budget, and the sweep finishes it', async () => {
    let copies = 0;
    proxy.onRequest = (method, target) => {
      if (!/\/audio-.*\.mp3/.test(target)) return undefined;
      const headers = { 'x-ms-copy-id': 'c', 'x-ms-copy-status': 'pending', etag: '"e"' };
      if (method === 'PUT') copies++;
      return { kind: 'answer', status: method === 'PUT' ? 202 : 200, headers };
    };
    const event = audioEvent(recording);
    expect((await send(context, JSON.stringify(event), PIECES)).status).toBe(503);
    expect(copies).toBeGreaterThan(0);
    proxy.onRequest = () => undefined;
    await sweep({ ...services, now: () => Date.now() + AN_HOUR_MS }, noLog);
    expect((await storedOf(event.data)).map((blob) => sha256(blob.bytes))).toEqual([sha256(recording)]);
  });
});

describe('senders that hold block buffers and do not move', () => {
  it('cannot keep a recording that moves from being received', async () => {
    const head = `{"data":{"full_audio":"${'A'.repeat(400_000)}`;
    const idle = Array.from({ length: BLOCKS_PER_PROCESS + 2 }, () => {
      const request = httpRequest(context.host.url.replace(/\/$/, '') + WEBHOOK_PATH, {
        method: 'POST',
        headers: { 'elevenlabs-signature': sign('something else'), 'transfer-encoding': 'chunked' },
      });
      request.on('error', () => {});
      request.write(head);
      return request;
    });
    await until(() => (services.postCall?.store.pool.leased ?? 0) >= BLOCKS_PER_PROCESS - 2 || undefined);
    const event = audioEvent(recording);
    expect((await send(context, JSON.stringify(event), PIECES)).status).toBe(200);
    expect((await storedOf(event.data)).map((blob) => blob.metadata['sha256'])).toEqual([sha256(recording)]);
    for (const request of idle) request.destroy();
    await until(() => services.postCall?.store.pool.leased === 0 || undefined);
  });

  it('audio that is undecodable from its first character on does not wait for a second block', async () => {
    const bodies = Array.from(
      { length: 40 },
      (_each, index) => `{"n":${index},"data":{"full_audio":"!${'A'.repeat(400_000)}"}}`,
    );
    const answers = await Promise.all(
      bodies.map((body) => send(context, body, { ...PIECES, path: `/${PATIENT_PATH}` })),
    );
    expect(answers.map((answer) => answer.json['code'])).toEqual(Array(40).fill('broken_audio'));
  });
});
