import type { FetchedConversation } from '../elevenlabs/conversations.ts';
import { detailsOfTranscript } from '../postCall/callDetails.ts';
import { placeOfCall, sha256Of } from '../postCall/places.ts';
import { BlockDraft, putOnce } from '../storage/blockDraft.ts';
import type { DeliveryMetadata, Kept } from '../storage/keepOnce.ts';
import type { ReconcileContext, Run } from './context.ts';

/** A recording is not begun when it would not be at its end before the run has to be. */
export class NoTimeLeft extends Error {}

export interface Fetched {
  readonly kept: Kept;
  readonly bytes: number;
}

const TYPE = 'post_call_transcription';
const AUDIO_TYPE = 'post_call_audio';
/** At least so much is left when a request begins. */
const LEAST_MS = 2_000;
/** Slower than any line between two data centres, with the two copies within the account. */
const BYTES_PER_MS = 2_000;

/**
 * Stores the API's answer, byte for byte, in the envelope that the webhook has. ElevenLabs' page on post-call webhooks says
 * that their `data` is this very answer.
 */
export async function storeTranscript(
  context: ReconcileContext,
  run: Run,
  { bytes, json, proof, detail }: FetchedConversation,
): Promise<Fetched> {
  const head = `{"type":"${TYPE}","event_timestamp":${endOf(detail)},"data":`;
  const body = Buffer.concat([Buffer.from(head), bytes, Buffer.from('}')]);
  const facts = { type: TYPE, isInferred: false, agentId: detail.agentId, conversationId: detail.id };
  const metadata = { ...metadataOf(context, run, TYPE, detail), ...detailsOfTranscript(json), sha256: sha256Of(body) };
  const place = placeOfCall(context.store.paths.transcripts, facts, 'json');
  return { kept: await putOnce(proof, context.storage, place, metadata, body), bytes: body.length };
}

/**
 * Fetches a recording into blocks, as one of a delivery comes, and stores it. A connection that breaks leaves nothing visible
 * and is tried again from the beginning.
 *
 * @throws {NoTimeLeft} {@link ElevenLabsError} {@link StorageUnavailable}
 */
export async function storeRecording(
  context: ReconcileContext,
  run: Run,
  detail: FetchedConversation['detail'],
): Promise<Fetched> {
  const { api, store, storage } = context;
  const facts = { type: AUDIO_TYPE, isInferred: false, agentId: detail.agentId, conversationId: detail.id };
  const place = placeOfCall(store.paths.audio, facts, 'mp3');
  const call = { signal: run.signal };
  return api.repeated(call, async (tries) => {
    if (run.msLeft() < LEAST_MS) throw new NoTimeLeft();
    const recording = await api.recording(detail.id, call, tries);
    const { pool, paths } = store;
    const draft = new BlockDraft({ storage, pool, incoming: paths.incoming, deadline: run.signal, givesWay: true });
    try {
      for await (const bytes of recording) {
        if (draft.length === 0 && !fits(recording.announcedBytes, run)) throw new NoTimeLeft();
        await draft.write(bytes);
      }
      const kept = await draft.publish(recording.proof(), place, metadataOf(context, run, AUDIO_TYPE, detail));
      return { kept, bytes: draft.length };
    } finally {
      await draft.abandon();
    }
  });
}

function fits(bytes: number | undefined, { msLeft }: Run): boolean {
  return bytes === undefined || bytes / BYTES_PER_MS < msLeft();
}

/** Unix seconds. */
export function endOf({
  startedAtSeconds,
  durationSeconds,
}: {
  startedAtSeconds: number;
  durationSeconds: number;
}): number {
  return startedAtSeconds + Math.ceil(durationSeconds);
}

function metadataOf(
  { now }: ReconcileContext,
  { id }: Run,
  event_type: string,
  detail: FetchedConversation['detail'],
): DeliveryMetadata {
  return {
    delivery_id: id,
    received_at: new Date(now()).toISOString(),
    event_type,
    event_timestamp: String(endOf(detail)),
    agent_id: detail.agentId,
    conversation_id: detail.id,
  };
}
