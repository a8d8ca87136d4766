import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { once as onceOn } from 'node:events';
import { request as httpRequest } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { BlobServiceClient } from '@azure/storage-blob';
import { inject } from 'vitest';
import type { HostLine, HostOptions, RunningHost } from '../../tools/local/host/host.ts';
import { startHost } from '../../tools/local/host/host.ts';
import { expectNothingConfidential, rememberDelivery, rememberSecrets } from './confidential.ts';

export const SECRET = 'wsec_test_newest';
export const OLD_SECRET = 'wsec_test_oldest';
export const WEBHOOK_PATH = '/elevenlabs/webhook';

/** A blob as a test looks at it. */
interface StoredBlob {
  readonly path: string;
  readonly bytes: Buffer;
  readonly metadata: Record<string, string>;
  readonly contentType: string | undefined;
}

type Matches = (path: string, metadata: Record<string, string>) => boolean;

/** The app under test behind real sockets, with containers of its own. */
export interface Context {
  readonly host: RunningHost;
  readonly lines: HostLine[];
  readonly containers: Record<'transcripts' | 'audio' | 'failures' | 'quarantine' | 'incoming' | 'other', string>;
  readonly blobs: BlobServiceClient;
  /** What is visible in all containers; only what matches is downloaded. */
  stored(matches?: Matches): Promise<StoredBlob[]>;
  storedIn(container: string, matches?: Matches): Promise<StoredBlob[]>;
  /** The paths of all that is visible. */
  paths(): Promise<string[]>;
  /** Rejects when a line of the log holds anything of a body, a secret or a signature. */
  close(): Promise<void>;
}

/** Starts the app once in this process (one test file, one configuration). `settings` go over the usual ones. */
export async function startContext(
  settings: Record<string, string | undefined> = {},
  load: () => Promise<unknown> = () => import('../../src/index.ts'),
  hostKind: Pick<HostOptions, 'overridesInvocationId'> = {},
): Promise<Context> {
  const run = randomBytes(4).toString('hex');
  const containers = {
    transcripts: `transcripts-${run}`,
    audio: `audio-${run}`,
    failures: `failures-${run}`,
    quarantine: `quarantine-${run}`,
    incoming: `incoming-${run}`,
    other: `other-${run}`,
  };
  const environment: Record<string, string | undefined> = {
    ELEVENLABS_WEBHOOK_SECRET: `${SECRET},${OLD_SECRET}`,
    CallStorage: inject('storage'),
    ENABLE_AUDIO_STORAGE: 'true',
    FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '209715200',
    TRANSCRIPT_STORAGE_PATH: containers.transcripts,
    AUDIO_STORAGE_PATH: containers.audio,
    CALL_FAILURE_STORAGE_PATH: containers.failures,
    QUARANTINE_STORAGE_PATH: containers.quarantine,
    INCOMING_STORAGE_PATH: containers.incoming,
    OTHER_EVENTS_STORAGE_PATH: containers.other,
    STATE_STORAGE_PATH: `state-${run}`,
    ...settings,
  };
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  rememberSecrets(environment);
  const lines: HostLine[] = [];
  const write = (line: HostLine) => void lines.push(line);
  const host = await startHost({ port: 0, write, timers: false, ...hostKind }, load);
  const blobs = BlobServiceClient.fromConnectionString(inject('storage'));
  const storedIn = (container: string, matches: Matches = () => true) => readContainer(blobs, container, matches);
  return {
    host,
    lines,
    containers,
    blobs,
    storedIn,
    stored: async (matches) =>
      (await Promise.all(Object.values(containers).map((container) => storedIn(container, matches)))).flat(),
    paths: async () => {
      const seen: string[] = [];
      const note: Matches = (path) => seen.push(path) < 0;
      for (const container of Object.values(containers)) await storedIn(container, note);
      return seen;
    },
    close: async () => {
      await host.close();
      expectNothingConfidential(lines);
    },
  };
}

async function readContainer(blobs: BlobServiceClient, name: string, matches: Matches): Promise<StoredBlob[]> {
  const container = blobs.getContainerClient(name);
  if (!(await container.exists())) return [];
  const found: StoredBlob[] = [];
  for await (const item of container.listBlobsFlat({ includeMetadata: true })) {
    const path = `${name}/${item.name}`;
    const metadata = item.metadata ?? {};
    if (!matches(path, metadata)) continue;
    found.push({
      path,
      bytes: await container.getBlobClient(item.name).downloadToBuffer(),
      metadata,
      contentType: item.properties.contentType,
    });
  }
  return found;
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
  /** The body as JSON. */
  readonly json: Record<string, unknown>;
}

export interface SendOptions {
  readonly secret?: string;
  readonly timestamp?: number;
  readonly header?: string | null;
  /** Pieces of this size go out with transfer-encoding: chunked; without it the body has a Content-Length. */
  readonly chunkBytes?: number;
  readonly method?: string;
  readonly path?: string;
  readonly contentType?: string;
  /** Beside those that every delivery has. */
  readonly headers?: Record<string, string>;
}

export function sign(body: Uint8Array | string, secret = SECRET, timestamp = Math.floor(Date.now() / 1000)): string {
  const v0 = createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex');
  return `t=${timestamp},v0=${v0}`;
}

/** Posts a body to the webhook, signed unless told otherwise. */
export function send(context: Context, body: Uint8Array | string, options: SendOptions = {}): Promise<Answer> {
  const bytes = Buffer.from(body);
  const header = options.header === undefined ? sign(bytes, options.secret, options.timestamp) : options.header;
  rememberDelivery(bytes, header);
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      context.host.url.replace(/\/$/, '') + (options.path ?? WEBHOOK_PATH),
      {
        method: options.method ?? 'POST',
        // A connection of its own: a kept one may be closed by the server just as it is used again.
        agent: false,
        headers: {
          connection: 'keep-alive',
          'content-type': options.contentType ?? 'application/json',
          ...(header === null ? {} : { 'elevenlabs-signature': header }),
          ...(options.chunkBytes === undefined ? { 'content-length': bytes.length } : {}),
          ...options.headers,
        },
      },
      (response) => {
        buffer(response).then((answer) => {
          const text = answer.toString();
          const json = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {};
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
          request.destroy();
        }, reject);
      },
    );
    request.on('error', reject);
    if (options.chunkBytes === undefined) request.end(bytes);
    else writeInPieces(request, bytes, options.chunkBytes).catch(reject);
  });
}

const once = (emitter: ReturnType<typeof httpRequest>, event: string, { signal }: AbortController) =>
  onceOn(emitter, event, { signal }).catch(() => {});

async function writeInPieces(request: ReturnType<typeof httpRequest>, bytes: Buffer, size: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += size) {
    if (!request.write(bytes.subarray(at, at + size))) {
      const gone = new AbortController();
      await Promise.race([once(request, 'drain', gone), once(request, 'close', gone)]);
      gone.abort();
    }
    if (request.destroyed) return;
  }
  request.end();
}

/** Ids that no other test uses. */
export function newCall(): { agent_id: string; conversation_id: string } {
  return { agent_id: `agent_${randomUUID().slice(0, 8)}`, conversation_id: `conv_${randomUUID().slice(0, 8)}` };
}

export const now = () => Math.floor(Date.now() / 1000);

export function transcription(call = newCall(), more: Record<string, unknown> = {}) {
  const data = {
    ...call,
    status: 'done',
    transcript: [{ role: 'agent', message: 'Hello?', time_in_call_secs: 0 }],
    ...more,
  };
  return { type: 'post_call_transcription', event_timestamp: now(), data };
}

export function audioEvent(audio: Uint8Array | string, call = newCall()) {
  const full_audio = typeof audio === 'string' ? audio : Buffer.from(audio).toString('base64');
  return { type: 'post_call_audio', event_timestamp: now(), data: { ...call, full_audio } };
}
