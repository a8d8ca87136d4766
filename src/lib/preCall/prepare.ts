import type { Voice } from '../elevenlabs/schemas.ts';
import { type AgentAtRest, type LeasedAgent, leaseAgent, lookAtAgent } from './agent/leaseAgent.ts';
import type { DeliveryContext, PreCallContext, Work } from './context.ts';
import { HeldLock, lockConversation } from './conversationLock.ts';
import { type Ahead, reuse } from './lookAhead.ts';
import { type Remembered, remember } from './remember.ts';
import { greeting } from './request/greeting.ts';
import type { PreCallRequest } from './request/request.ts';
import { keepSample } from './sample/keepSample.ts';
import type { Sample } from './sample/sample.ts';
import type { Conversation } from './state/records.ts';
import { type Clone, cloneOnce, findVoice } from './voice/clone.ts';

/** What the agent now has for the caller. */
export interface Prepared {
  readonly voiceId: string;
  /** As the voice is called at ElevenLabs. Undefined when that could not be asked, which only a repeated answer survives. */
  readonly voiceName: string | undefined;
  readonly isReused: boolean;
  readonly isAgentUpdated: boolean;
  /** The same conversation had been answered before. */
  readonly isRepeated: boolean;
  /** What the directory of callers made of it; undefined when the caller is not to be remembered. */
  readonly remembered?: Remembered | undefined;
}

/** A repeated answer does not wait longer for the voice's name. */
const NAME_MS = 3_000;

/** A request whose sample may be cloned. */
export interface Preparation extends Ahead {
  readonly request: PreCallRequest;
  readonly sample: Sample;
}

/**
 * One pre-call delivery: lock the conversation, clone its voice once, lease voice and greeting to the agent, and write down
 * what the answer was, so that the same delivery gets it again.
 *
 * @throws {CloningError} and then the conversation may be delivered again; {@link ConversationConflict}.
 */
export async function prepareCall(
  context: DeliveryContext,
  work: Work,
  { request, sample, sampleHash, ...ahead }: Preparation,
): Promise<Prepared> {
  const callerLabel = await labelOf(context, work, request);
  const locked = await lockConversation(context, work, request, { sampleHash, callerLabel });
  const { answer } = locked.value;
  if (answer !== null) return repeated(context, work, { request, answer });
  const held = new HeldLock(context, work, locked);
  const lock = { by: work.id, conversation: request.conversationId };
  const expiresAt = locked.value.expires_at;
  try {
    const foreseen = await ahead.foreseen;
    const reused = await reuse(context, work, request, foreseen);
    const clone =
      reused?.clone ??
      (await cloneOnce(context, work, {
        conversation: request.conversationId,
        caller: request.caller,
        callerLabel,
        sample,
        sampleBytes: request.sample,
        sampleHash,
        expiresAt,
        lock,
      }));
    const lease = async () => {
      if (context.settings.agentUpdate !== 'patch') return undefined;
      const seen = reused?.agent ?? lookAtAgent(context, work, request.agentId, foreseen.agent);
      return tryToLease(context, work, { request, clone, expiresAt, seen });
    };
    const remembering = remember(context, work, request, { voiceId: clone.voiceId, isRepeated: false });
    const [leased] = await Promise.all([
      lease(),
      keepSample(context.proof, context, work, { request, sample, sha256: sampleHash }),
    ]);
    const [others] = await Promise.all([held.answer(clone, leased !== undefined), leased?.release()]);
    if (others !== undefined) return repeated(context, work, { request, answer: others });
    return {
      voiceId: clone.voiceId,
      voiceName: clone.name,
      isReused: clone.isReused,
      isAgentUpdated: leased !== undefined,
      isRepeated: false,
      remembered: await remembering,
    };
  } catch (error) {
    await held.giveUp();
    throw error;
  }
}

async function repeated(
  context: PreCallContext,
  work: Work,
  { request, answer }: { readonly request: PreCallRequest; readonly answer: NonNullable<Conversation['answer']> },
): Promise<Prepared> {
  const voice = await currentVoice(context, work, answer.voice_id);
  const remembered = await remember(context, work, request, { voiceId: voice?.voiceId, isRepeated: true });
  return {
    voiceId: answer.voice_id,
    voiceName: voice?.name,
    isReused: answer.voice_reused,
    isAgentUpdated: answer.agent_updated,
    isRepeated: true,
    remembered,
  };
}

/** A caller is not turned away for want of it: erasing by number then finds the call by other means, or not. */
async function labelOf(context: PreCallContext, work: Work, request: PreCallRequest): Promise<string | undefined> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const stop = () => reject(new Error('The deadline came first'));
  work.signal.addEventListener('abort', stop, { once: true });
  try {
    // The key is read once for all deliveries, so not within the time of this one.
    return await Promise.race([context.callerLabel?.(request.caller.phoneNumber), ended]);
  } catch (error) {
    const { agentId: agent, conversationId: conversation } = request;
    const hint = error instanceof Error ? error.message : String(error);
    work.log.write('WARNING', 'caller', { outcome: 'not labelled', agent, conversation, hint });
    return undefined;
  } finally {
    work.signal.removeEventListener('abort', stop);
  }
}

/** The state has no names, so ElevenLabs is asked; the caller gets an answer whether or not that works. */
async function currentVoice(context: PreCallContext, work: Work, voiceId: string): Promise<Voice | undefined> {
  const signal = AbortSignal.any([work.signal, AbortSignal.timeout(NAME_MS)]);
  return findVoice(context, { ...work, signal }, voiceId).catch(() => undefined);
}

interface LeaseRequest {
  readonly request: PreCallRequest;
  readonly clone: Clone;
  readonly expiresAt: number;
  readonly seen: Promise<AgentAtRest | undefined>;
}

/** A caller is not turned away because the agent could not be changed: the answer and the log say so. */
async function tryToLease(
  context: PreCallContext,
  work: Work,
  { request, clone, expiresAt, seen }: LeaseRequest,
): Promise<LeasedAgent | undefined> {
  const { agentId, conversationId } = request;
  try {
    const lease = {
      agentId,
      conversation: conversationId,
      voiceId: clone.voiceId,
      firstMessage: greeting(context.settings.greeting, request.caller),
      expiresAt,
      lock: { by: work.id, conversation: conversationId },
    };
    return await leaseAgent(context, work, lease, await seen);
  } catch (error) {
    const hint = error instanceof Error ? error.message : String(error);
    work.log.write('WARNING', 'agent', { outcome: 'not updated', agent: agentId, conversation: conversationId, hint });
    return undefined;
  }
}
