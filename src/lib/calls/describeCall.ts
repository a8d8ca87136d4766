import { type CallDetails, detailsOfFailure, detailsOfTranscript } from '../postCall/callDetails.ts';
import { type Attempts, isNotFound } from '../storage/blobStorage.ts';
import { readWhole } from '../storage/readWhole.ts';
import { type Call, type CallBlob, callOf, describing, detailsIn } from './call.ts';
import type { StoredCall } from './listCalls.ts';

/** The app takes no larger JSON. */
const LARGEST_BODY_BYTES = 16 * 1024 * 1024;

/** The call, from its blobs' metadata; of one that was stored before there was any, from its body. */
export async function describeCall(storage: Attempts, stored: StoredCall): Promise<Call> {
  const blob = describing(stored.blobs);
  const details =
    blob === undefined ? {} : needsBody(blob) ? await readDetails(storage, blob) : detailsIn(blob.metadata);
  return callOf(stored, stored.blobs, details);
}

/** Since blobs say what finds a call, they also say where they come from. */
export function needsBody({ form, metadata, bytes }: CallBlob): boolean {
  const isText = form === 'transcript' || form === 'otel' || form === 'failure';
  return isText && metadata['source'] === undefined && bytes <= LARGEST_BODY_BYTES;
}

async function readDetails(storage: Attempts, blob: CallBlob): Promise<CallDetails> {
  const data = dataOf(await readBody(storage, blob));
  return blob.form === 'failure' ? detailsOfFailure(data) : detailsOfTranscript(data);
}

/** The body of an event as JSON; undefined when it is none, or has gone meanwhile. */
export async function readBody(storage: Attempts, { container, name, bytes }: CallBlob): Promise<unknown> {
  if (bytes > LARGEST_BODY_BYTES) return undefined;
  try {
    const body = await storage.attempt(container, (client, signal) => readWhole(client.getBlobClient(name), signal));
    return JSON.parse(body.toString());
  } catch (error) {
    if (isNotFound(error) || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Older payloads have the fields beside `type` instead of under `data` (docs/facts/elevenlabs.md). */
export function dataOf(body: unknown): unknown {
  const data = isObject(body) ? body['data'] : undefined;
  return isObject(data) && Object.keys(data).length > 0 ? data : body;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
