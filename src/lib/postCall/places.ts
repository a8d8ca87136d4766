import { createHash } from 'node:crypto';
import type { StoragePath } from '../settings/storagePath.ts';
import type { Place } from '../storage/keepOnce.ts';
import type { CallFacts, QuarantineReason } from './classify.ts';

const JSON_TYPE = 'application/json';
const AUDIO_TYPE = 'audio/mpeg';
const BINARY_TYPE = 'application/octet-stream';

/** A transcript or failure, a transcript in OpenTelemetry's form (a workspace may have both), or a recording. */
export type CallForm = 'json' | 'otel.json' | 'mp3';

type CallIds = Pick<CallFacts, 'agentId' | 'conversationId'>;

/** `<path>/<agent_id>/<conversation_id>.json`, `.otel.json` or `.mp3`. */
export function placeOfCall(path: StoragePath, facts: CallIds, form: CallForm): Place {
  return {
    container: path.container,
    stem: `${path.prefix}${facts.agentId}/${facts.conversationId}`,
    extension: form,
    contentType: form === 'mp3' ? AUDIO_TYPE : JSON_TYPE,
  };
}

export interface CallPaths {
  readonly transcripts: StoragePath;
  readonly audio: StoragePath;
  readonly callFailures: StoragePath;
}

/** Every place at which an event of a call is kept, when it is the first of its kind. */
export function placesOfCall({ transcripts, audio, callFailures }: CallPaths, call: CallIds): Place[] {
  return [
    placeOfCall(transcripts, call, 'json'),
    placeOfCall(transcripts, call, 'otel.json'),
    placeOfCall(audio, call, 'mp3'),
    placeOfCall(callFailures, call, 'json'),
  ];
}

/** A whole body; or, of one whose audio was being decoded, the JSON around it, the audio, and what could not be decoded. */
export type BodyPart = 'body' | 'around' | 'audio' | 'undecoded';

const EXTENSIONS: Readonly<Record<BodyPart, string>> = {
  body: 'json',
  around: 'around.json',
  audio: 'mp3',
  undecoded: 'remainder.bin',
};

/**
 * `<path>/<type>/<date>/<hash>.json`: events that are not known as those of a call. Of one with audio that was already being
 * decoded `.around.json` and `.mp3`, as in quarantine.
 */
export function placeOfOtherEvent(
  path: StoragePath,
  { type, seconds, hash, part }: { type: string; seconds: number; hash: string; part: BodyPart },
): Place {
  return {
    container: path.container,
    stem: `${path.prefix}${type}/${dateOf(seconds)}/${hash}`,
    extension: EXTENSIONS[part],
    contentType: part === 'audio' ? AUDIO_TYPE : JSON_TYPE,
  };
}

/**
 * `<path>/<reason>/<date>/<hash>` and an extension: `.json` or `.bin` for a whole body; for audio that was already being
 * decoded `.around.json` (the JSON around it), `.mp3` (decoded) and `.remainder.bin` (from the first undecodable byte on).
 */
export function placeInQuarantine(
  path: StoragePath,
  { reason, seconds, hash, part }: { reason: QuarantineReason; seconds: number; hash: string; part: BodyPart },
): Place {
  const isJson = reason !== 'not_json' && part !== 'undecoded';
  const contentType = isJson ? JSON_TYPE : BINARY_TYPE;
  return {
    container: path.container,
    stem: `${path.prefix}${reason}/${dateOf(seconds)}/${hash}`,
    extension: part === 'body' && !isJson ? 'bin' : EXTENSIONS[part],
    contentType: part === 'audio' ? AUDIO_TYPE : contentType,
  };
}

export function sha256Of(...parts: (Uint8Array | string)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

function dateOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}
