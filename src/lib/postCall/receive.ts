import { decodeBase64 } from '../json/base64.ts';
import { type Lifted, liftAudio } from '../json/lift.ts';
import type { Genuine, SignedBody } from '../signature/signedBody.ts';
import type { Attempts } from '../storage/blobStorage.ts';
import { putOnce } from '../storage/blockDraft.ts';
import type { DeliveryMetadata, Kept, Place } from '../storage/keepOnce.ts';
import { type CallStore, DeliveryDrafts } from './callStore.ts';
import { type CallFacts, classify, type EventFacts, type QuarantineReason, type Verdict } from './classify.ts';
import { placeInQuarantine, placeOfCall, placeOfOtherEvent, type QuarantinePart, sha256Of } from './places.ts';

/** What became of a genuine delivery. All of it is durable. */
export type Outcome = { readonly facts: EventFacts; readonly genuine: Genuine; readonly audioBytes?: number } & (
  | { readonly kind: Kept['kind']; readonly blob: string }
  | { readonly kind: 'off' }
  | {
      readonly kind: 'quarantined';
      readonly reason: QuarantineReason;
      readonly blob: string;
      readonly isRepeated: boolean;
    }
);

export interface Delivery {
  readonly body: SignedBody;
  readonly id: string;
  readonly receivedAt: Date;
  /** By then everything has ended, stored or not. */
  readonly end: AbortSignal;
  /** Told as soon as the body is known to be genuine: whatever happens then can be logged with its ids. */
  readonly onKnown: (facts: EventFacts, genuine: Genuine) => void;
}

/**
 * One post-call delivery: split the body as it arrives, then, once it is known to be genuine, say what it is and keep it.
 *
 * @throws {WebhookError} and then nothing of the delivery is visible.
 */
export async function receive(delivery: Delivery, store: CallStore): Promise<Outcome> {
  const storage = store.storage.until(delivery.end, { persists: true }); // nobody sends it again, unless it is a transcript
  const held = store.bodies.open();
  const drafts = new DeliveryDrafts(store, storage, delivery.body, held.evicted);
  try {
    const lifted = await liftAudio(delivery.body, drafts, { held, expectedBytes: delivery.body.expectedBytes });
    held.keep();
    return await new Keeper(delivery, { ...store, storage }, drafts, lifted).keep();
  } finally {
    held.release();
    await drafts.abandon();
  }
}

type KeeperStore = Omit<CallStore, 'storage'> & { readonly storage: Attempts };

/** Everything after the last byte; made only when the body was genuine, because it begins with the proof. */
class Keeper {
  readonly #genuine: Genuine;
  readonly #delivery: Delivery;
  readonly #store: KeeperStore;
  readonly #drafts: DeliveryDrafts;
  readonly #lifted: Lifted;

  constructor(delivery: Delivery, store: KeeperStore, drafts: DeliveryDrafts, lifted: Lifted) {
    this.#genuine = delivery.body.proof();
    this.#delivery = delivery;
    this.#store = store;
    this.#drafts = drafts;
    this.#lifted = lifted;
  }

  keep(): Promise<Outcome> {
    const verdict = classify(this.#lifted.rest);
    this.#delivery.onKnown(verdict.facts, this.#genuine);
    if (this.#lifted.kind === 'broken') return this.#quarantine('broken_audio', verdict.facts);
    if (verdict.kind === 'unusable') return this.#quarantine(verdict.reason, verdict.facts);
    if (verdict.kind === 'call' && verdict.area === 'audio') return this.#keepAudio(verdict.facts, verdict.audio);
    if (this.#lifted.kind === 'lifted') return this.#quarantine('unexpected_audio', verdict.facts);
    return this.#keepJson(verdict);
  }

  async #keepJson(verdict: Exclude<Verdict, { kind: 'unusable' }>): Promise<Outcome> {
    const { paths, storesTranscripts } = this.#store;
    const { facts } = verdict;
    if (verdict.kind === 'call' && verdict.area === 'transcripts' && !storesTranscripts) return this.#off(facts);
    const { rest } = this.#lifted;
    const sha256 = sha256Of(rest);
    const place =
      verdict.kind === 'call'
        ? placeOfCall(paths[verdict.area], verdict.facts, 'json')
        : placeOfOtherEvent(paths.otherEvents, verdict.facts.type, this.#seconds(facts), sha256);
    const isSentAgain = verdict.kind === 'call' && verdict.area === 'transcripts';
    return this.#outcome(facts, await this.#put(place, rest, this.#metadata(facts), { persists: !isSentAgain }));
  }

  /** `audio` is the text that the JSON holds: empty when the audio was lifted out of it. */
  async #keepAudio(facts: CallFacts, audio: string): Promise<Outcome> {
    const place = placeOfCall(this.#store.paths.audio, facts, 'mp3');
    if (this.#lifted.kind === 'lifted') {
      // A second full_audio, or a second data, came after the one that was lifted: which one counts is not ours to guess.
      if (audio !== '') return this.#quarantine('unexpected_audio', facts);
      const draft = this.#drafts.audio();
      if (!this.#store.storesAudio) return this.#off(facts, draft.length);
      const kept = await draft.publish(this.#genuine, place, this.#metadata(facts));
      return this.#outcome(facts, kept, draft.length);
    }
    const bytes = decodeBase64(audio);
    if (bytes === undefined) return this.#quarantine('broken_audio', facts);
    if (bytes.length === 0) return this.#quarantine('no_audio', facts);
    if (!this.#store.storesAudio) return this.#off(facts, bytes.length);
    return this.#outcome(facts, await this.#put(place, bytes, this.#metadata(facts)), bytes.length);
  }

  async #quarantine(reason: QuarantineReason, facts: EventFacts): Promise<Outcome> {
    const { rest, kind } = this.#lifted;
    const metadata = { ...this.#metadata(facts), quarantine_reason: reason };
    const place = (part: QuarantinePart, hash: string) =>
      placeInQuarantine(this.#store.paths.quarantine, { reason, hash, part, seconds: this.#seconds(facts) });

    if (kind === 'whole') {
      const kept = await this.#put(place('body', sha256Of(rest)), rest, metadata);
      const isRepeated = kept.kind === 'duplicate';
      return { kind: 'quarantined', reason, blob: kept.blob, isRepeated, facts, genuine: this.#genuine };
    }
    const audio = this.#drafts.audio();
    const remainder = kind === 'broken' ? this.#drafts.remainder() : undefined;
    const hash = sha256Of(rest, audio.sha256, remainder?.sha256 ?? '');
    // The small part with the ids first: what is left of the others after a crash, sweep finishes.
    const isRepeated = (await this.#put(place('around', hash), rest, metadata)).kind === 'duplicate';
    if (remainder !== undefined) await remainder.publish(this.#genuine, place('remainder', hash), metadata);
    const { blob } = await audio.publish(this.#genuine, place('audio', hash), metadata);
    return { kind: 'quarantined', reason, blob, isRepeated, facts, genuine: this.#genuine, audioBytes: audio.length };
  }

  #put(place: Place, bytes: Buffer, metadata: DeliveryMetadata, options?: { persists: boolean }): Promise<Kept> {
    const complete = { ...metadata, sha256: sha256Of(bytes) };
    const storage = this.#store.storage.until(this.#delivery.end, options);
    return putOnce(this.#genuine, storage, place, complete, bytes);
  }

  #metadata(facts: EventFacts): DeliveryMetadata {
    return {
      delivery_id: this.#delivery.id,
      received_at: this.#delivery.receivedAt.toISOString(),
      signature_timestamp: String(this.#genuine.signedAtSeconds),
      secret_position: String(this.#genuine.secretPosition),
      ...(facts.type === undefined ? {} : { event_type: facts.type }),
      ...(facts.isInferred ? { event_type_inferred: 'true' } : {}),
      ...(facts.timestampSeconds === undefined ? {} : { event_timestamp: String(facts.timestampSeconds) }),
      ...(facts.agentId === undefined ? {} : { agent_id: facts.agentId }),
      ...(facts.conversationId === undefined ? {} : { conversation_id: facts.conversationId }),
    };
  }

  #seconds(facts: EventFacts): number {
    return facts.timestampSeconds ?? this.#genuine.signedAtSeconds;
  }

  #off(facts: EventFacts, audioBytes?: number): Promise<Outcome> {
    return Promise.resolve({
      kind: 'off',
      facts,
      genuine: this.#genuine,
      ...(audioBytes === undefined ? {} : { audioBytes }),
    });
  }

  #outcome(facts: EventFacts, kept: Kept, audioBytes?: number): Outcome {
    return { ...kept, facts, genuine: this.#genuine, ...(audioBytes === undefined ? {} : { audioBytes }) };
  }
}
