import { decodeBase64 } from '../json/base64.ts';
import { type Lifted, liftAudio } from '../json/lift.ts';
import type { Attempts } from '../storage/blobStorage.ts';
import { putOnce } from '../storage/blockDraft.ts';
import type { DeliveryMetadata, Kept, Place } from '../storage/keepOnce.ts';
import { type CallStore, DeliveryDrafts } from './callStore.ts';
import { type CallFacts, classify, type EventFacts, type QuarantineReason, type Verdict } from './classify.ts';
import { deliveryMetadata } from './deliveryMetadata.ts';
import { eventMembers } from './events.ts';
import type { NotKept, Outcome, Provenance } from './outcome.ts';
import { type BodyPart, placeInQuarantine, placeOfCall, placeOfOtherEvent, sha256Of } from './places.ts';
import type { ProvenBody } from './provenBody.ts';
import { wrongEndpoint } from './refusal.ts';

export interface Delivery {
  readonly body: ProvenBody;
  readonly id: string;
  readonly receivedAt: Date;
  /** By then everything has ended, stored or not. */
  readonly end: AbortSignal;
  /** Told as soon as the body is known to be genuine: whatever happens then can be logged with its ids. */
  readonly onKnown: (facts: EventFacts, genuine: Provenance) => void;
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
    const { expectedBytes } = delivery.body;
    const lifted = await liftAudio(delivery.body, drafts, { members: eventMembers, held, expectedBytes });
    return await new Keeper(delivery, { ...store, storage }, drafts, lifted).keep();
  } finally {
    held.release();
    await drafts.abandon();
  }
}

type KeeperStore = Omit<CallStore, 'storage'> & { readonly storage: Attempts };

/** Everything after the last byte; made only when the body was genuine, because it begins with the proof. */
class Keeper {
  readonly #genuine: Provenance;
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

  async keep(): Promise<Outcome> {
    const verdict = classify(this.#lifted);
    const { facts } = verdict;
    this.#delivery.onKnown(facts, this.#genuine);
    if (verdict.kind === 'pre-call') throw wrongEndpoint();
    if (verdict.kind === 'check') return this.#notKept('check', facts);
    if (this.#lifted.kind === 'broken') return this.#quarantine('broken_audio', facts);
    switch (verdict.kind) {
      case 'unusable':
        return this.#quarantine(verdict.reason, facts);
      case 'unknown':
        if (!this.#store.keepsUnknownTypes) return this.#quarantine('unknown_type', facts);
        return this.#keepOther(verdict.facts);
      case 'other':
        if (this.#lifted.kind === 'lifted') return this.#quarantine('unexpected_audio', facts);
        return this.#keepOther(verdict.facts);
      case 'call':
        return this.#keepCall(verdict);
    }
  }

  async #keepCall({ area, form, facts, audio }: Extract<Verdict, { kind: 'call' }>): Promise<Outcome> {
    const { paths, storesTranscripts } = this.#store;
    if (area === 'audio') return this.#keepAudio(facts, audio);
    if (this.#lifted.kind === 'lifted') return this.#quarantine('unexpected_audio', facts);
    const isTranscript = area === 'transcripts'; // ElevenLabs sends it again when it was not stored
    if (isTranscript && !storesTranscripts) return this.#notKept('off', facts);
    const place = placeOfCall(paths[area], facts, form);
    const metadata = { ...this.#metadata(facts), ...facts.details };
    const storage = this.#store.storage.until(this.#delivery.end, { persists: !isTranscript });
    const { envelope } = this.#lifted;
    const kept = await this.#keepNamed(facts, storage, () => this.#put(place, envelope, metadata, storage));
    return this.#outcome(facts, kept);
  }

  /** `audio` is the text that the JSON holds: empty when the audio was lifted out of it. */
  async #keepAudio(facts: CallFacts, audio: string): Promise<Outcome> {
    const place = placeOfCall(this.#store.paths.audio, facts, 'mp3');
    if (this.#lifted.kind === 'lifted') {
      const draft = this.#drafts.audio();
      if (!this.#store.storesAudio) return this.#notKept('off', facts, draft.length);
      const publish = () => draft.publish(this.#genuine, place, this.#metadata(facts));
      const kept = await this.#keepNamed(facts, this.#store.storage, publish);
      return this.#outcome(facts, kept, draft.length);
    }
    const bytes = decodeBase64(audio);
    if (bytes === undefined) return this.#quarantine('broken_audio', facts);
    if (bytes.length === 0) return this.#quarantine('no_audio', facts);
    if (!this.#store.storesAudio) return this.#notKept('off', facts, bytes.length);
    const put = () => this.#put(place, bytes, this.#metadata(facts));
    return this.#outcome(facts, await this.#keepNamed(facts, this.#store.storage, put), bytes.length);
  }

  async #keepOther(facts: EventFacts & { readonly type: string }): Promise<Outcome> {
    if (await this.#wasErased(facts)) return this.#notKept('erased', facts);
    const where = { type: facts.type, seconds: timeOf(facts, this.#genuine) };
    const place = (part: BodyPart, hash: string) =>
      placeOfOtherEvent(this.#store.paths.otherEvents, { ...where, part, hash });
    const { kept, audioBytes } = await this.#keepBody(place, this.#metadata(facts));
    return this.#outcome(facts, kept, audioBytes);
  }

  async #quarantine(reason: QuarantineReason, facts: EventFacts): Promise<Outcome> {
    if (await this.#wasErased(facts)) return this.#notKept('erased', facts);
    const where = { reason, seconds: timeOf(facts, this.#genuine) };
    const place = (part: BodyPart, hash: string) =>
      placeInQuarantine(this.#store.paths.quarantine, { ...where, part, hash });
    const metadata = { ...this.#metadata(facts), quarantine_reason: reason };
    const { kept, audioBytes } = await this.#keepBody(place, metadata);
    const outcome = { kind: 'quarantined', reason, blob: kept.blob, isRepeated: kept.kind === 'duplicate' } as const;
    return { ...outcome, facts, genuine: this.#genuine, ...(audioBytes === undefined ? {} : { audioBytes }) };
  }

  /** What has no name of its call, where it would meet a tombstone. */
  async #wasErased({ conversationId }: EventFacts): Promise<boolean> {
    return (
      conversationId !== undefined && (await this.#store.erased?.has(this.#store.storage, conversationId)) === true
    );
  }

  /** What has a name of its call. */
  async #keepNamed(facts: CallFacts, storage: Attempts, keep: () => Promise<Kept>): Promise<Kept> {
    const { erased } = this.#store;
    if (await erased?.hasOfNewAgent(storage, facts)) return { kind: 'erased', blob: '' };
    const kept = await keep();
    erased?.noteAgent(facts);
    return kept;
  }

  /** Keeps the whole body, or the parts that it was split into; returns what became of the first part, named by the last. */
  async #keepBody(
    placeOf: (part: BodyPart, hash: string) => Place,
    metadata: DeliveryMetadata,
  ): Promise<{ readonly kept: Kept; readonly audioBytes?: number }> {
    const { envelope, kind } = this.#lifted;
    if (kind === 'whole') return { kept: await this.#put(placeOf('body', sha256Of(envelope)), envelope, metadata) };
    const audio = this.#drafts.audio();
    const undecoded = kind === 'broken' ? this.#drafts.undecoded() : undefined;
    const hash = sha256Of(envelope, audio.sha256, undecoded?.sha256 ?? '');
    // The small part with the ids first: what is left of the others after a crash, sweep finishes.
    const around = await this.#put(placeOf('around', hash), envelope, metadata);
    if (undecoded !== undefined) await undecoded.publish(this.#genuine, placeOf('undecoded', hash), metadata);
    const { blob } = await audio.publish(this.#genuine, placeOf('audio', hash), metadata);
    return { kept: { kind: around.kind, blob }, audioBytes: audio.length };
  }

  #put(place: Place, bytes: Buffer, metadata: DeliveryMetadata, storage = this.#store.storage): Promise<Kept> {
    const complete = { ...metadata, sha256: sha256Of(bytes) };
    return putOnce(this.#genuine, storage, place, complete, bytes);
  }

  #metadata(facts: EventFacts): DeliveryMetadata {
    return deliveryMetadata(this.#delivery, this.#genuine, facts);
  }

  #notKept(kind: NotKept, facts: EventFacts, audioBytes?: number): Outcome {
    return { kind, facts, genuine: this.#genuine, ...(audioBytes === undefined ? {} : { audioBytes }) };
  }

  #outcome(facts: EventFacts, { kind, blob }: Kept, audioBytes?: number): Outcome {
    if (kind === 'erased') return this.#notKept('erased', facts);
    return { kind, blob, facts, genuine: this.#genuine, ...(audioBytes === undefined ? {} : { audioBytes }) };
  }
}

/** Unix seconds: of the event when they are readable, else of the signature. */
const timeOf = ({ timestampSeconds }: EventFacts, genuine: Provenance) => timestampSeconds ?? genuine.signedAtSeconds;
