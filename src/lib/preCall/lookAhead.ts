import { createHash } from 'node:crypto';
import type { RecordKind, StateRecord } from '../storage/stateStore.ts';
import { type AgentAtRest, lookAtAgent } from './agent/leaseAgent.ts';
import type { PreCallContext, Work } from './context.ts';
import type { PreCallRequest } from './request/request.ts';
import { type AgentState, agents, type VoiceState, voices } from './state/records.ts';
import { type Clone, findVoice } from './voice/clone.ts';

/** What is found out while the sample is still being measured. */
export interface Ahead {
  readonly sampleHash: string;
  /** Never rejects. */
  readonly foreseen: Promise<Foreseen>;
}

/**
 * What the records of voice and agent said before the conversation was locked: a guess, which saves round trips when it is
 * right. Whatever is done about it is conditional on the record being the same once the lock is held.
 */
export interface Foreseen {
  readonly voice: StateRecord<VoiceState> | undefined;
  readonly agent: StateRecord<AgentState> | undefined;
}

/** Reads and changes nothing. A record that cannot be read is left out; whoever needs it reads it again and reports why. */
export function lookAhead({ state, settings }: PreCallContext, { agentId, sample }: PreCallRequest): Ahead {
  const read = <T>(kind: RecordKind<T>, name: string) => state.read(kind, name).catch(() => undefined);
  const agent = settings.agentUpdate === 'patch' ? read(agents, agentId) : undefined;
  const sampleHash = createHash('sha256').update(sample).digest('hex');
  const both = Promise.all([read(voices, sampleHash), agent]);
  return { sampleHash, foreseen: both.then(([voice, agent]) => ({ voice, agent })) };
}

/** The voice of a caller who has been here before, and the agent as it was seen meanwhile. */
export interface Reused {
  readonly clone: Clone;
  readonly agent: Promise<AgentAtRest | undefined>;
}

/**
 * Looks whether the foreseen voice still exists, and at the agent beside it. Undefined when the voice has to be cloned or
 * waited for. The record is read once more, now that the conversation is locked: the sweep first marks a voice that it is
 * about to delete and then looks for conversations, so one of the two sees the other.
 *
 * @throws {CloningError} when ElevenLabs could not be asked.
 */
export async function reuse(
  context: PreCallContext,
  work: Work,
  { agentId }: PreCallRequest,
  { voice, agent: agentRecord }: Foreseen,
): Promise<Reused | undefined> {
  if (voice?.value.state !== 'ready') return undefined;
  const { voice_id: voiceId, cloned_at: clonedAt } = voice.value;
  const agent = context.settings.agentUpdate === 'patch' ? lookAtAgent(context, work, agentId, agentRecord) : undefined;
  agent?.catch(() => {}); // the one who leases the agent gets the error
  const [known, standing] = await Promise.all([
    findVoice(context, work, voiceId),
    context.state.read(voices, voice.name),
  ]);
  if (known === undefined || standing?.etag !== voice.etag) return undefined;
  const clone = { voiceId, name: known.name, clonedAt, isReused: true };
  return { clone, agent: agent ?? Promise.resolve(undefined) };
}
