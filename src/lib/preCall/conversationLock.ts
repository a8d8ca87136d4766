import type { StateRecord } from '../storage/stateStore.ts';
import type { PreCallContext, Work } from './context.ts';
import { ConversationConflict } from './errors.ts';
import { waitForLock } from './pause.ts';
import type { PreCallRequest } from './request/request.ts';
import { type Conversation, conversations, isExpired } from './state/records.ts';
import type { Clone } from './voice/clone.ts';

/** How long a lock holds without a heartbeat; a delivery at work gives one well before. */
const LOCK_MS = 8_000;
const RENEW_MS = 2_500;

/**
 * The conversation is ours, or has its answer. Waits for another delivery of the same agent and sample that is at work.
 *
 * @throws {ConversationConflict} when the delivery that is at work or was answered has another agent or another sample.
 */
export async function lockConversation(
  context: PreCallContext,
  work: Work,
  { conversationId, agentId }: PreCallRequest,
  { sampleHash, callerLabel }: { readonly sampleHash: string; readonly callerLabel?: string | undefined },
): Promise<StateRecord<Conversation>> {
  for (;;) {
    const ours: Conversation = {
      agent_id: agentId,
      sample_sha256: sampleHash,
      ...(callerLabel === undefined ? {} : { caller: callerLabel }),
      expires_at: context.now() + context.settings.leaseMs,
      claim: { by: work.id, until: context.now() + LOCK_MS },
      answer: null,
      ended: false,
    };
    const { isNew, record } = await context.state.create(conversations, conversationId, ours);
    if (isNew) return record;
    const { claim, answer } = record.value;
    const isFree = answer === null && (claim === null || isExpired(claim.until, context.now()));
    if (isFree) {
      const taken = await context.state.replace(conversations, record, ours);
      if (taken !== undefined) return taken;
      continue;
    }
    if (!isSameCall(record.value, ours)) throw new ConversationConflict();
    if (answer !== null) return record;
    await waitForLock('conversation', work.signal);
  }
}

function isSameCall(one: Conversation, other: Conversation): boolean {
  return one.agent_id === other.agent_id && one.sample_sha256 === other.sample_sha256;
}

/** The lock of a delivery at work: renewed now and then, so that a process that died is noticed soon. */
export class HeldLock {
  readonly #context: PreCallContext;
  readonly #work: Work;
  #record: StateRecord<Conversation>;
  #renewing: Promise<void> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;

  constructor(context: PreCallContext, work: Work, record: StateRecord<Conversation>) {
    this.#context = context;
    this.#work = work;
    this.#record = record;
    this.#timer = setInterval(() => {
      this.#renewing = this.#renewing.then(() => this.#renew());
    }, RENEW_MS);
  }

  /**
   * Writes the answer down. When another delivery of the same call took the conversation over meanwhile (one whose clock is
   * ahead does so at once), that one's answer counts, and is returned.
   *
   * @throws {ConversationConflict} when this delivery stood still for so long that another call took the conversation over.
   */
  async answer(clone: Clone, isAgentUpdated: boolean): Promise<NonNullable<Conversation['answer']> | undefined> {
    const answer = {
      voice_id: clone.voiceId,
      cloned_at: clone.clonedAt,
      voice_reused: clone.isReused,
      agent_updated: isAgentUpdated,
    };
    await this.#stop();
    const { state } = this.#context;
    const write = (record: StateRecord<Conversation>) =>
      state.replace(conversations, record, { ...record.value, claim: null, answer });
    if ((await write(this.#record)) !== undefined) return undefined;
    const standing = await this.#standing();
    if (standing !== undefined && !isSameCall(standing.value, this.#record.value)) throw new ConversationConflict();
    if (!this.#isOurs(standing)) return this.#answerOf(standing);
    await write(standing);
    return undefined;
  }

  /** The next delivery of the conversation may begin at once. */
  async giveUp(): Promise<void> {
    await this.#stop();
    const { state } = this.#context;
    const remove = async () => {
      // Stryker disable next-line ConditionalExpression: looking after it is gone finds nothing
      if (await state.remove(conversations, this.#record)) return;
      const standing = await this.#standing();
      if (this.#isOurs(standing)) await state.remove(conversations, standing);
    };
    await remove().catch(() => {}); // then it runs out by itself
  }

  /** Waits for the delivery that took the conversation over; undefined when that one has given up. */
  async #answerOf(standing: StateRecord<Conversation> | undefined) {
    for (let record = standing; record !== undefined; record = await this.#standing()) {
      const { answer, claim } = record.value;
      if (answer !== null) return answer;
      if (claim === null || isExpired(claim.until, this.#context.now())) return undefined;
      await waitForLock('conversation', this.#work.signal);
    }
    return undefined;
  }

  /** The record that is not as we knew it. */
  #standing(): Promise<StateRecord<Conversation> | undefined> {
    return this.#context.state.read(conversations, this.#record.name);
  }

  /** Then a heartbeat whose answer was lost has changed the record; else another delivery took it over, and will answer. */
  #isOurs(standing: StateRecord<Conversation> | undefined): standing is StateRecord<Conversation> {
    return standing?.value.claim?.by === this.#work.id;
  }

  async #stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
  }

  async #renew(): Promise<void> {
    const lock = { by: this.#work.id, until: this.#context.now() + LOCK_MS };
    const renewed = await this.#context.state
      .replace(conversations, this.#record, { ...this.#record.value, claim: lock })
      .catch(() => undefined);
    this.#record = renewed ?? this.#record;
  }
}
