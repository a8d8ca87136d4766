import { createHash } from 'node:crypto';
import type { StoragePath } from '../settings/storagePath.ts';
import type { Place } from '../storage/keepOnce.ts';
import type { CallFacts, QuarantineReason } from './classify.ts';

const JSON_TYPE = 'application/json';
const AUDIO_TYPE = 'audio/mpeg';
const BINARY_TYPE = 'application/octet-stream';

/** `<path>/<agent_id>/<conversation_id>.json` or `.mp3` (contract §7). */
export function placeOfCall(path: StoragePath, facts: CallFacts, form: 'json' | 'mp3'): Place {
  return {
    container: path.container,
    stem: `${path.prefix}${facts.agentId}/${facts.conversationId}`,
    extension: form,
    contentType: form === 'json' ? JSON_TYPE : AUDIO_TYPE,
  };
}

/** `<path>/<type>/<date>/<hash>.json`: other products' events have no conversation. */
export function placeOfOtherEvent(path: StoragePath, type: string, seconds: number, sha256: string): Place {
  return {
    container: path.container,
    stem: `${path.prefix}${type}/${dateOf(seconds)}/${sha256}`,
    extension: 'json',
    contentType: JSON_TYPE,
  };
}

export type QuarantinePart = 'body' | 'around' | 'audio' | 'remainder';

/**
 * `<path>/<reason>/<date>/<hash>` and an extension: `.json` or `.bin` for a whole body; for audio that was already being
 * decoded `.around.json` (the JSON around it), `.mp3` (decoded) and `.remainder.bin` (from the first undecodable byte on).
 */
export function placeInQuarantine(
  path: StoragePath,
  where: { reason: QuarantineReason; seconds: number; hash: string; part: QuarantinePart },
): Place {
  const isJson = where.reason !== 'not_json';
  const forms: Record<QuarantinePart, [string, string]> = {
    body: isJson ? ['json', JSON_TYPE] : ['bin', BINARY_TYPE],
    around: ['around.json', isJson ? JSON_TYPE : BINARY_TYPE],
    audio: ['mp3', AUDIO_TYPE],
    remainder: ['remainder.bin', BINARY_TYPE],
  };
  const [extension, contentType] = forms[where.part];
  return {
    container: path.container,
    stem: `${path.prefix}${where.reason}/${dateOf(where.seconds)}/${where.hash}`,
    extension,
    contentType,
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
