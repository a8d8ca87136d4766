import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import { type QueueClient, QueueServiceClient } from '@azure/storage-queue';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Azurite, startAzurite } from '../../tools/local/azurite.ts';
import { type HostLine, type RunningHost, startHost } from '../../tools/local/host/host.ts';
import { blobCreated, queueMessage, STORED_CALLS_QUEUE } from '../../tools/local/storedCallEvents.ts';
import { newCall } from '../support/context.ts';
import { until } from '../support/until.ts';

const example = new URL('../../examples/after-the-call/', import.meta.url);
const event = readFileSync(new URL('../post_call_transcription.json', example), 'utf8');
const { data } = JSON.parse(event) as { data: { analysis: { transcript_summary: string } } };
const summary = data.analysis.transcript_summary;
const containers = {
  transcripts: `transcripts-${randomBytes(4).toString('hex')}`,
  other: `other-${randomBytes(4).toString('hex')}`,
};
const blobs = BlobServiceClient.fromConnectionString(inject('storage'));
const markers = blobs.getContainerClient('after-the-call');
const lines: HostLine[] = [];

interface Request {
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

/** What the receiver was sent, and what it answers to a call: the next of these, the last one forever; else 204. */
const received: Request[] = [];
const answers = new Map<string, number[]>();
const receiver = createServer(async (request, response) => {
  const body = JSON.parse(await text(request)) as Record<string, unknown>;
  received.push({ headers: request.headers, body });
  const left = answers.get(String(body['conversation_id'])) ?? [204];
  response.writeHead((left.length > 1 ? left.shift() : left[0]) ?? 204).end();
});

const receivedOf = (id: string) => received.filter(({ body }) => body['conversation_id'] === id);
const saysOf = (id: string) => lines.filter(({ message }) => message.includes(id)).map(({ message }) => message);

let azurite: Azurite;
let queue: QueueClient;
let poison: QueueClient;
let host: RunningHost;
let folder: string;

beforeAll(async () => {
  azurite = await startAzurite({ service: 'queue', port: 0, inMemory: true });
  const queues = QueueServiceClient.fromConnectionString(azurite.connectionString);
  queue = queues.getQueueClient(STORED_CALLS_QUEUE);
  poison = queues.getQueueClient(`${STORED_CALLS_QUEUE}-poison`);
  await queue.createIfNotExists();
  for (const name of Object.values(containers)) await blobs.getContainerClient(name).createIfNotExists();
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));

  // The example's own host.json, but for the minute that it waits between two tries.
  folder = mkdtempSync(join(tmpdir(), 'after-the-call-'));
  const hostJson = readFileSync(new URL('host.json', example), 'utf8').replace('"00:01:00"', '"00:00:01"');
  writeFileSync(join(folder, 'host.json'), hostJson);
  Object.assign(process.env, {
    Calls: `${inject('storage')}QueueEndpoint=http://127.0.0.1:${azurite.port}/devstoreaccount1;`,
    TRANSCRIPT_STORAGE_PATH: containers.transcripts,
    HAND_ON_URL: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/calls`,
    HAND_ON_TOKEN: 'token_of_the_receiver',
  });
  const write = (line: HostLine) => void lines.push(line);
  host = await startHost(
    { port: 0, write, folder: pathToFileURL(`${folder}/`) },
    () => import('../../examples/after-the-call/src/index.ts'),
  );
});

afterAll(async () => {
  await host.close();
  receiver.closeAllConnections();
  receiver.close();
  await azurite.stop();
  rmSync(folder, { recursive: true });
  expect(lines.filter(({ message }) => /Robin|R-2291|token_of/.test(message))).toEqual([]);
});

const container = (name: keyof typeof containers): ContainerClient => blobs.getContainerClient(containers[name]);

async function store(name: string, body = event, metadata: Record<string, string> = {}): Promise<void> {
  await container('transcripts').getBlockBlobClient(name).upload(body, Buffer.byteLength(body), { metadata });
}

async function announce(name: string, place: keyof typeof containers = 'transcripts', times = 1): Promise<void> {
  const write = { api: 'PutBlob' as const, container: containers[place], name };
  const { url } = container(place).getBlobClient(name);
  const message = queueMessage(blobCreated(write, { url }, new Date()));
  await Promise.all(Array.from({ length: times }, () => queue.sendMessage(message)));
}

/** Messages that nobody works on and messages that are hidden both count. */
async function isEmpty(of: QueueClient): Promise<boolean> {
  return (await of.getProperties()).approximateMessagesCount === 0;
}

async function poisoned(): Promise<string[]> {
  if (!(await poison.exists())) return [];
  const { peekedMessageItems } = await poison.peekMessages({ numberOfMessages: 32 });
  return peekedMessageItems.map(({ messageText }) => Buffer.from(messageText, 'base64').toString());
}

const isPoisoned = async (id: string) => (await poisoned()).some((message) => message.includes(id));
const emptied = () => until(async () => (await isEmpty(queue)) || undefined);

describe('the example of docs/after-the-call.md', () => {
  it('hands on summary and outcome of a stored transcript', async () => {
    const call = newCall();
    const name = `${call.agent_id}/${call.conversation_id}.json`;
    await store(name);
    await announce(name);
    const [request] = await until(() =>
      receivedOf(call.conversation_id).length > 0 ? receivedOf(call.conversation_id) : undefined,
    );
    expect(request?.body).toEqual({
      ...call,
      summary,
      outcome: 'success',
      started_at: '2026-11-22T09:30:00.000Z',
      duration_seconds: 36,
    });
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      'idempotency-key': call.conversation_id,
      authorization: 'Bearer token_of_the_receiver',
    });
    await emptied();
    expect(saysOf(call.conversation_id)).toEqual([`handed-on conversation=${call.conversation_id}`]);
  });

  it('takes a call once, however many messages there are, at once and later', async () => {
    const call = newCall();
    const name = `${call.agent_id}/${call.conversation_id}.json`;
    await store(name);
    await announce(name, 'transcripts', 4);
    await emptied();
    await announce(name);
    await emptied();
    expect(receivedOf(call.conversation_id)).toHaveLength(1);
    expect(saysOf(call.conversation_id)).toContain(`handed-on-before conversation=${call.conversation_id}`);
    expect(await isPoisoned(call.conversation_id)).toBe(false);
  });

  it('hands on what it can: nulls for what a transcript leaves out, and the older form', async () => {
    const [without, flat] = [newCall(), newCall()];
    const names = [without, flat].map((call) => `${call.agent_id}/${call.conversation_id}.json`);
    await store(String(names[0]), JSON.stringify({ type: 'post_call_transcription', data: { analysis: null } }));
    await store(String(names[1]), JSON.stringify({ type: 'post_call_transcription', ...data }));
    for (const name of names) await announce(name);
    await emptied();
    expect(receivedOf(without.conversation_id)[0]?.body).toEqual({
      ...without,
      summary: null,
      outcome: null,
      started_at: null,
      duration_seconds: null,
    });
    expect(receivedOf(flat.conversation_id)[0]?.body).toMatchObject({ ...flat, summary, outcome: 'success' });
  });

  it('tries again when the receiver is not ready, within one message', async () => {
    const call = newCall();
    const name = `${call.agent_id}/${call.conversation_id}.json`;
    answers.set(call.conversation_id, [503, 429, 200]);
    await store(name);
    await announce(name);
    await emptied();
    expect(receivedOf(call.conversation_id)).toHaveLength(3);
    expect(saysOf(call.conversation_id)).toEqual([`handed-on conversation=${call.conversation_id}`]);
  });

  it('lets a message become poison after five times, and takes it when it is put back', {
    timeout: 60_000,
  }, async () => {
    const call = newCall();
    const name = `${call.agent_id}/${call.conversation_id}.json`;
    const stranger = randomUUID();
    answers.set(call.conversation_id, [400]);
    await store(name);
    await announce(name);
    await queue.sendMessage(Buffer.from(`nothing that Event Grid sends: ${stranger}`).toString('base64'));
    await until(
      async () => ((await isPoisoned(call.conversation_id)) && (await isPoisoned(stranger))) || undefined,
      30_000,
    );
    await emptied();
    expect(receivedOf(call.conversation_id)).toHaveLength(5);
    expect(lines.filter(({ message }) => message.includes('status 400'))).toHaveLength(5);

    answers.delete(call.conversation_id);
    await announce(name);
    await emptied();
    expect(receivedOf(call.conversation_id)).toHaveLength(6);
    expect(saysOf(call.conversation_id)).toEqual([`handed-on conversation=${call.conversation_id}`]);
  });

  it('does not take a redirect for an answer', async () => {
    const call = newCall();
    const name = `${call.agent_id}/${call.conversation_id}.json`;
    answers.set(call.conversation_id, [307, 204]);
    await store(name);
    await announce(name);
    await emptied();
    expect(receivedOf(call.conversation_id)).toHaveLength(2);
    expect(lines.filter(({ message }) => message.includes('status 307'))).toHaveLength(1);
  });

  it.each([
    ['is gone', undefined, {}],
    ['is empty', '', {}],
    ['was erased', '', { erased_at: '2026-11-26T10:00:00Z' }],
    ['was erased, whatever is in it', event, { erased_at: '2026-11-26T10:00:00Z' }],
  ])('is done with a message whose blob %s', async (_, body, metadata: Record<string, string>) => {
    const call = newCall();
    const name = `${call.agent_id}/${call.conversation_id}.json`;
    if (body !== undefined) await store(name, body, metadata);
    await announce(name);
    await emptied();
    expect(saysOf(call.conversation_id)).toEqual([`gone conversation=${call.conversation_id}`]);
    expect(receivedOf(call.conversation_id)).toEqual([]);
    expect(await markers.getBlobClient(call.conversation_id).exists()).toBe(false);
    expect(await isPoisoned(call.conversation_id)).toBe(false);
  });

  it.each([
    ['a second body, whose name has a hash', `.${'0a'.repeat(16)}.json`, 'transcripts'],
    ['the OpenTelemetry form', '.otel.json', 'transcripts'],
    ['a recording', '.mp3', 'transcripts'],
    ['a failed call', '.json', 'other'],
  ] as const)('passes over %s', async (_, extension, place) => {
    const call = newCall();
    const count = lines.length;
    const name = `${call.agent_id}/${call.conversation_id}${extension}`;
    await container(place).getBlockBlobClient(name).upload(event, Buffer.byteLength(event));
    await announce(name, place);
    await emptied();
    expect(lines.slice(count).map(({ message }) => message)).toEqual(['passed-over conversation=-']);
    expect(receivedOf(call.conversation_id)).toEqual([]);
  });

  it('takes over from a process that died half-way, once its lease has ended', async () => {
    const call = newCall();
    const name = `${call.agent_id}/${call.conversation_id}.json`;
    await store(name);
    await markers.createIfNotExists();
    const marker = markers.getBlockBlobClient(call.conversation_id);
    await marker.upload('', 0);
    const lease = marker.getBlobLeaseClient();
    await lease.acquireLease(60);
    await announce(name);
    await until(() => lines.some(({ message }) => message.includes('is being worked on')) || undefined);
    expect(receivedOf(call.conversation_id)).toEqual([]);
    await lease.releaseLease();
    await until(() => receivedOf(call.conversation_id).length === 1 || undefined);
    await emptied();
    expect((await marker.getProperties()).metadata).toMatchObject({ handed_on_at: expect.stringMatching(/^\d{4}-/) });
  });
});
