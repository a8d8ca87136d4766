import { createHash } from 'node:crypto';
import type { CallBlob } from '../../../src/lib/calls/call.ts';
import { nameOf, type Quarantined } from '../../../src/lib/calls/listQuarantine.ts';
import { QuarantinedBody } from '../../../src/lib/calls/quarantinedBody.ts';
import type { Attempts } from '../../../src/lib/storage/blobStorage.ts';
import { readWhole } from '../../../src/lib/storage/readWhole.ts';
import { audioBody } from '../send/audioBody.ts';
import { type Body, bodyOf } from '../send/body.ts';

/** Something stored that can be sent again. */
export interface Sendable {
  /** Container and name. */
  readonly blob: string;
  readonly storedAt: Date;
  readonly conversationId: string | undefined;
  /** Whether it goes without its length, as recordings come. */
  readonly isChunked: boolean;
  /**
   * The body, with another conversation's id where one is given.
   *
   * @throws {Error} whose message says why there is none: bytes are missing, or are not those that were stored.
   */
  read(newId: string | undefined): Promise<Body>;
}

/** What is stored of a call; a recording becomes the event that it came in. */
export function sendableOfCall(storage: Attempts, blob: CallBlob): Sendable {
  const { container, name, form, metadata, storedAt } = blob;
  const id = metadata['conversation_id'] ?? name.slice(name.lastIndexOf('/') + 1).split('.')[0] ?? '';
  return {
    blob: `${container}/${name}`,
    storedAt,
    conversationId: id,
    isChunked: form === 'recording',
    async read(newId) {
      const bytes = await storage.attempt(container, (client, signal) => readWhole(client.getBlobClient(name), signal));
      const wanted = metadata['sha256'];
      if (wanted !== undefined && createHash('sha256').update(bytes).digest('hex') !== wanted) {
        throw new Error('Its bytes are not those whose sha256 is in its metadata.');
      }
      if (form !== 'recording') return renamed(bytes, id, newId);
      return audioBody({
        mp3: bytes,
        conversationId: newId ?? id,
        agentId: metadata['agent_id'] ?? name.split('/').at(-2) ?? '',
        eventTimestamp: Number(metadata['event_timestamp'] ?? Math.floor(storedAt.getTime() / 1000)),
      });
    },
  };
}

/** What is in quarantine, put together as the body that it was. */
export function sendableOfQuarantine(storage: Attempts, quarantined: Quarantined): Sendable {
  const { metadata, storedAt, blobs } = quarantined;
  const conversationId = metadata['conversation_id'];
  return {
    blob: nameOf(quarantined),
    storedAt,
    conversationId,
    isChunked: blobs.audio !== undefined,
    async read(newId) {
      const body = new QuarantinedBody(storage, quarantined);
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) chunks.push(chunk);
      body.proof();
      return renamed(Buffer.concat(chunks), conversationId, newId);
    },
  };
}

/** Wherever the id occurs: it is of letters, digits, `_` and `-`, which JSON writes as they are. Other bytes stay as they are. */
function renamed(body: Buffer, id: string | undefined, newId: string | undefined): Body {
  if (id === undefined || newId === undefined) return bodyOf(body);
  return bodyOf(Buffer.from(body.toString('latin1').replaceAll(id, newId), 'latin1'));
}
