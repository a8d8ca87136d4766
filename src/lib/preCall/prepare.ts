import { type AgentAtRest, type Lent, lendToAgent, lookAtAgent } from './agent/lend.ts';
import { claimConversation, HeldClaim } from './conversationClaim.ts';
import { type Ahead, reuse } from './lookAhead.ts';
import { greeting } from './request/greeting.ts';
import type { PreCallRequest } from './request/request.ts';
import { keepSample } from './sample/keepSample.ts';
import type { Sample } from './sample/sample.ts';
import { type Clone, cloneOnce, findVoice } from './voice/clone.ts';
import type { PreCallWorld, Work } from './world.ts';

/** What the agent now has for the caller. */
export interface Prepared {
  readonly voiceId: string;
  /** As the voice is called at ElevenLabs. Undefined when that could not be asked, which only a repeated answer survives. */
  readonly voiceName: string | undefined;
  readonly isReused: boolean;
  readonly isAgentUpdated: boolean;
  /** The same conversation had been answered before. */
  readonly isRepeated: boolean;
}

/** A repeated answer does not wait longer for the voice's name. */
const NAME_MS = 3_000;

/** A request whose sample may be cloned. */
export interface Preparation extends Ahead {
  readonly request: PreCallRequest;
  readonly sample: Sample;
}

/**
 * One pre-call delivery: claim the conversation, clone its voice once, lend voice and greeting to the agent, and write down
 * what the answer was, so that the same delivery gets it again.
 *
 * @throws {CloningError} and then the conversation may be delivered again; {@link ConversationConflict}.
 */
export async function prepareCall(
  world: PreCallWorld,
  work: Work,
  { request, sample, sampleHash, ...ahead }: Preparation,
): Promise<Prepared> {
  const callerLabel = await labelOf(world, work, request);
  const claimed = await claimConversation(world, work, request, { sampleHash, callerLabel });
  const { answer } = claimed.value;
  if (answer !== null) {
    return {
      voiceId: answer.voice_id,
      voiceName: await currentName(world, work, answer.voice_id),
      isReused: answer.voice_reused,
      isAgentUpdated: answer.agent_updated,
      isRepeated: true,
    };
  }
  const held = new HeldClaim(world, work, claimed);
  const claim = { by: work.id, conversation: request.conversationId };
  const expiresAt = claimed.value.expires_at;
  try {
    const foreseen = await ahead.foreseen;
    const reused = await reuse(world, work, request, foreseen);
    const clone =
      reused?.clone ??
      (await cloneOnce(world, work, {
        conversation: request.conversationId,
        caller: request.caller,
        callerLabel,
        sample,
        sampleBytes: request.sample,
        sampleHash,
        expiresAt,
        claim,
      }));
    const lend = async () => {
      if (world.settings.agentUpdate !== 'patch') return undefined;
      const seen = reused?.agent ?? lookAtAgent(world, work, request.agentId, foreseen.agent);
      return tryToLend(world, work, { request, clone, expiresAt, seen });
    };
    const [lent] = await Promise.all([lend(), keepSample(world, work, request, sample, sampleHash)]);
    await Promise.all([held.answer(clone, lent !== undefined), lent?.release()]);
    return {
      voiceId: clone.voiceId,
      voiceName: clone.name,
      isReused: clone.isReused,
      isAgentUpdated: lent !== undefined,
      isRepeated: false,
    };
  } catch (error) {
    await held.giveUp();
    throw error;
  }
}

/** A caller is not turned away for want of it: erasing by number then finds the call by other means, or not. */
async function labelOf(world: PreCallWorld, work: Work, request: PreCallRequest): Promise<string | undefined> {
  try {
    return await world.callerLabel?.(request.caller.phoneNumber);
  } catch (error) {
    const { agentId: agent, conversationId: conversation } = request;
    const hint = error instanceof Error ? error.message : String(error);
    work.log.write('WARNING', 'caller', { outcome: 'not labelled', agent, conversation, hint });
    return undefined;
  }
}

/** Names are no part of the state, so ElevenLabs is asked; the answer is owed whatever comes of that. */
async function currentName(world: PreCallWorld, work: Work, voiceId: string): Promise<string | undefined> {
  const signal = AbortSignal.any([work.signal, AbortSignal.timeout(NAME_MS)]);
  const voice = await findVoice(world, { ...work, signal }, voiceId).catch(() => undefined);
  return voice?.name;
}

interface Lending {
  readonly request: PreCallRequest;
  readonly clone: Clone;
  readonly expiresAt: number;
  readonly seen: Promise<AgentAtRest | undefined>;
}

/** A caller is not turned away because the agent could not be changed: the answer and the log say so. */
async function tryToLend(
  world: PreCallWorld,
  work: Work,
  { request, clone, expiresAt, seen }: Lending,
): Promise<Lent | undefined> {
  const { agentId, conversationId } = request;
  try {
    const loan = {
      agentId,
      conversation: conversationId,
      voiceId: clone.voiceId,
      firstMessage: greeting(world.settings.greeting, request.caller),
      expiresAt,
      claim: { by: work.id, conversation: conversationId },
    };
    return await lendToAgent(world, work, loan, await seen);
  } catch (error) {
    const hint = error instanceof Error ? error.message : String(error);
    work.log.write('WARNING', 'agent', { outcome: 'not updated', agent: agentId, conversation: conversationId, hint });
    return undefined;
  }
}
