import { ElevenLabsError } from '../../elevenlabs/errors.ts';
import type { StateRecord } from '../../storage/stateStore.ts';
import { type CloneContext, callOf, type Work } from '../context.ts';
import { type AgentState, agents, isAlive, NOTHING_LEASED } from '../state/records.ts';
import { isOurChange } from './agentChange.ts';

/**
 * Gives the agent its own voice and greeting back and forgets the lease; leaves an agent alone that somebody else has changed
 * since. Returns false when a delivery is at work on the agent: then it is not the time.
 */
export async function restoreAgent(
  context: CloneContext,
  work: Work,
  record: StateRecord<AgentState>,
  lockMs: number,
): Promise<boolean> {
  const { own, claim } = record.value;
  if (claim !== null && (await isAlive(context.state, claim, context.now))) return false;
  const ours = { by: work.id, until: context.now() + lockMs };
  const locked = await context.state.replace(agents, record, { ...record.value, claim: ours });
  if (locked === undefined) return false;
  try {
    const current = await context.elevenLabs.getAgent(record.name, callOf(work));
    if (own !== null && isOurChange(record.value, current)) {
      const agentId = record.name;
      await context.elevenLabs.patchAgent(
        { agentId, voiceId: own.voice_id, firstMessage: own.first_message },
        callOf(work),
      );
    }
  } catch (error) {
    const isGone = error instanceof ElevenLabsError && error.reason === 'not_found';
    if (!isGone) throw error;
  }
  return (await context.state.replace(agents, locked, NOTHING_LEASED)) !== undefined;
}
