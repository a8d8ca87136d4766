import { createHash } from 'node:crypto';
import type { Clone } from './clone.ts';
import { cloneOnce, pause } from './clone.ts';
import { greeting } from './greeting.ts';
import { keepSample } from './keepSample.ts';
import { lendToAgent } from './lend.ts';
import { type Conversation, conversations, isExpired } from './records.ts';
import type { PreCallRequest } from './request.ts';
import type { Sample } from './sample.ts';
import type { StateRecord } from './state.ts';
import type { PreCallWorld, Work } from './world.ts';

/** What the agent now has for the caller. */
export interface Prepared {
  readonly voiceId: string;
  /** Milliseconds since 1970; part of the voice's name. */
  readonly clonedAt: number;
  readonly isReused: boolean;
  readonly isAgentUpdated: boolean;
  /** The same conversation had been answered before. */
  readonly isRepeated: boolean;
}

/** How long a claim holds without a sign of life; a delivery at work gives one well before. */
const CLAIM_MS = 8_000;
const RENEW_MS = 2_500;
const POLL_MS = 150;

/**
 * One pre-call delivery: claim the conversation, clone its voice once, lend voice and greeting to the agent, and write down
 * what the answer was, so that the same delivery gets it again.
 *
 * @throws {CloningError} and then the conversation may be delivered again.
 */
export async function prepareCall(
  world: PreCallWorld,
  work: Work,
  request: PreCallRequest,
  sample: Sample,
): Promise<Prepared> {
  const sampleHash = createHash('sha256').update(request.sample).digest('hex');
  const claimed = await claimConversation(world, work, request, sampleHash);
  const { answer } = claimed.value;
  if (answer !== null) {
    return {
      voiceId: answer.voice_id,
      clonedAt: answer.cloned_at,
      isReused: answer.voice_reused,
      isAgentUpdated: answer.agent_updated,
      isRepeated: true,
    };
  }
  const held = new HeldClaim(world, work, claimed);
  const claim = { by: work.id, conversation: request.conversationId };
  const expiresAt = claimed.value.expires_at;
  try {
    const clone = await cloneOnce(world, work, {
      conversation: request.conversationId,
      caller: request.caller,
      sample,
      sampleBytes: request.sample,
      sampleHash,
      expiresAt,
      claim,
    });
    const [isAgentUpdated] = await Promise.all([
      world.settings.agentUpdate === 'patch' && lend(world, work, request, clone, expiresAt),
      keepSample(world, work, request, sample, sampleHash),
    ]);
    await held.answer(clone, isAgentUpdated);
    return { ...clone, isAgentUpdated, isRepeated: false };
  } catch (error) {
    await held.giveUp();
    throw error;
  }
}

/** The conversation is ours, or has its answer. Waits for another delivery of it that is at work. */
async function claimConversation(
  world: PreCallWorld,
  work: Work,
  { conversationId, agentId }: PreCallRequest,
  sampleHash: string,
): Promise<StateRecord<Conversation>> {
  for (;;) {
    const ours: Conversation = {
      agent_id: agentId,
      sample_sha256: sampleHash,
      expires_at: world.now() + world.settings.leaseMs,
      claim: { by: work.id, until: world.now() + CLAIM_MS },
      answer: null,
      ended: false,
    };
    const { isNew, record } = await world.state.create(conversations, conversationId, ours);
    if (isNew || record.value.answer !== null) return record;
    const { claim } = record.value;
    if (claim === null || isExpired(claim.until, world.now())) {
      const taken = await world.state.replace(conversations, record, ours);
      if (taken !== undefined) return taken;
    } else await pause(POLL_MS, work.signal);
  }
}

/** The claim of a delivery at work: renewed now and then, so that a process that died is noticed soon. */
class HeldClaim {
  readonly #world: PreCallWorld;
  readonly #work: Work;
  #record: StateRecord<Conversation>;
  #renewing: Promise<void> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;

  constructor(world: PreCallWorld, work: Work, record: StateRecord<Conversation>) {
    this.#world = world;
    this.#work = work;
    this.#record = record;
    this.#timer = setInterval(() => {
      this.#renewing = this.#renewing.then(() => this.#renew());
    }, RENEW_MS);
  }

  async answer(clone: Clone, isAgentUpdated: boolean): Promise<void> {
    const answer = {
      voice_id: clone.voiceId,
      cloned_at: clone.clonedAt,
      voice_reused: clone.isReused,
      agent_updated: isAgentUpdated,
    };
    await this.#stop();
    const { state } = this.#world;
    const write = (record: StateRecord<Conversation>) =>
      state.replace(conversations, record, { ...record.value, claim: null, answer });
    if ((await write(this.#record)) !== undefined) return;
    // A sign of life whose answer was lost has changed the record; or another delivery has taken it over, and answers.
    const standing = await state.read(conversations, this.#record.name);
    if (standing?.value.claim?.by === this.#work.id) await write(standing);
  }

  /** The next delivery of the conversation may begin at once. */
  async giveUp(): Promise<void> {
    await this.#stop();
    await this.#world.state.remove(conversations, this.#record).catch(() => {});
  }

  async #stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
  }

  async #renew(): Promise<void> {
    const claim = { by: this.#work.id, until: this.#world.now() + CLAIM_MS };
    const renewed = await this.#world.state
      .replace(conversations, this.#record, { ...this.#record.value, claim })
      .catch(() => undefined);
    this.#record = renewed ?? this.#record;
  }
}

/** A caller is not turned away because the agent could not be changed: the answer and the log say so. */
async function lend(
  world: PreCallWorld,
  work: Work,
  request: PreCallRequest,
  clone: Clone,
  expiresAt: number,
): Promise<boolean> {
  try {
    await lendToAgent(world, work, {
      agentId: request.agentId,
      conversation: request.conversationId,
      voiceId: clone.voiceId,
      firstMessage: greeting(world.settings.greeting, request.caller),
      expiresAt,
      claim: { by: work.id, conversation: request.conversationId },
    });
    return true;
  } catch (error) {
    const hint = error instanceof Error ? error.message : String(error);
    const { agentId: agent, conversationId: conversation } = request;
    work.log.write('WARNING', 'agent', { outcome: 'not updated', agent, conversation, hint });
    return false;
  }
}
