import { randomBytes } from 'node:crypto';
import { BLOCK_BYTES } from '../../src/lib/storage/blockPool.ts';
import { type Answer, audioEvent, type Context, newCall, now, send, transcription } from '../support/context.ts';
import {
  jsonRequest,
  metadataOf,
  newCallOfAgent,
  newSample,
  type PreCallApp,
  sendPreCall,
  sha256,
} from '../support/preCallContext.ts';

export const EVENTS = ['transcript', 'small recording', 'large recording', 'call failure', 'pre-call'] as const;
export type EventName = (typeof EVENTS)[number];

/** One genuine delivery of a call of its own. */
export interface Delivery {
  readonly event: EventName;
  readonly call: { readonly agent_id: string; readonly conversation_id: string };
  readonly body: Buffer;
  readonly contentType: string;
  /** Recordings come chunked, as from ElevenLabs; other events with a length. */
  readonly chunkBytes: number | undefined;
  /** What has to stand where in the end; of pre-call the sample that is to be cloned. */
  readonly bytes: Buffer;
  readonly container: keyof Context['containers'] | undefined;
}

/** Of a large recording: two blocks, the second one small. */
const LARGE_BYTES = BLOCK_BYTES + 50_000;
const SMALL_BYTES = 400_000;

/** Something to say of about 25 kB, different each time. */
export function newTranscript(call = newCall()): Delivery {
  const turns = Array.from({ length: 100 }, (_turn, at) => ({
    role: at % 2 === 0 ? 'agent' : 'user',
    message: randomBytes(90).toString('hex'),
    time_in_call_secs: at,
  }));
  const body = Buffer.from(JSON.stringify(transcription(call, { transcript: turns })));
  return json('transcript', call, body, 'transcripts');
}

export function newRecording(bytes: Buffer, call = newCall()): Delivery {
  const body = Buffer.from(JSON.stringify(audioEvent(bytes, call)));
  return {
    event: bytes.length > BLOCK_BYTES ? 'large recording' : 'small recording',
    call,
    body,
    contentType: 'application/json',
    chunkBytes: 60_000,
    bytes,
    container: 'audio',
  };
}

function newCallFailure(call = newCall()): Delivery {
  const data = { ...call, failure_reason: 'busy', metadata: { type: 'sip', body: { sip_status_code: 486 } } };
  const event = { type: 'call_initiation_failure', event_timestamp: now(), data };
  return json('call failure', call, Buffer.from(JSON.stringify(event)), 'failures');
}

export function newPreCall(app: PreCallApp): Delivery {
  const call = newCallOfAgent(app);
  const sample = newSample();
  const request = jsonRequest(metadataOf(call), sample);
  return { event: 'pre-call', call, ...request, chunkBytes: undefined, bytes: sample, container: undefined };
}

export function newDelivery(app: PreCallApp, event: EventName): Delivery {
  switch (event) {
    case 'transcript':
      return newTranscript();
    case 'small recording':
      return newRecording(randomBytes(SMALL_BYTES));
    case 'large recording':
      return newRecording(randomBytes(LARGE_BYTES));
    case 'call failure':
      return newCallFailure();
    case 'pre-call':
      return newPreCall(app);
  }
}

function json(event: EventName, call: Delivery['call'], body: Buffer, container: 'transcripts' | 'failures'): Delivery {
  return { event, call, body, contentType: 'application/json', chunkBytes: undefined, bytes: body, container };
}

interface DeliverOptions {
  /** In place of the app's own address. */
  readonly url?: string;
  readonly headers?: Record<string, string>;
}

/** Sends a delivery, signed, to the endpoint that it is for. */
export function deliver(app: PreCallApp, delivery: Delivery, options: DeliverOptions = {}): Promise<Answer> {
  const { context, clock } = app;
  const { url = context.host.url, headers = {} } = options;
  const reached = { ...context, host: { ...context.host, url } };
  const { body, contentType, chunkBytes } = delivery;
  const how = { headers, ...(chunkBytes === undefined ? {} : { chunkBytes }) };
  if (delivery.event === 'pre-call') {
    return sendPreCall({ context: reached, clock }, { body, contentType }, how);
  }
  return send(reached, body, { ...how, timestamp: Math.floor(clock.now() / 1000) });
}

/** What is visible of a call anywhere. */
export const storedOf = ({ context }: PreCallApp, { call }: Delivery) =>
  context.stored((_path, metadata) => metadata['conversation_id'] === call.conversation_id);

/** The name under which a delivery belongs. */
export function placeOf({ context }: PreCallApp, { call, container, event }: Delivery): string {
  const extension = event.endsWith('recording') ? 'mp3' : 'json';
  return `${context.containers[container ?? 'other']}/${call.agent_id}/${call.conversation_id}.${extension}`;
}

export const isWhole = (delivery: Delivery, bytes: Uint8Array) => sha256(bytes) === sha256(delivery.bytes);
