import { ElevenLabsError } from '../../elevenlabs/errors.ts';
import type { StateRecord } from '../../storage/stateStore.ts';
import { type AgentState, agents, isAlive, NOTHING_LENT } from '../state/records.ts';
import { type CloneContext, callOf, type Work } from '../world.ts';
import { isOurChange } from './agentChange.ts';

/**
 * Gives the agent its own voice and greeting back and forgets the loan; leaves an agent alone that somebody else has changed
 * since. Returns false when a delivery is at work on the agent: then it is not the time.
 */
export async function restoreAgent(
  world: CloneContext,
  work: Work,
  record: StateRecord<AgentState>,
  claimMs: number,
): Promise<boolean> {
  const { own, claim } = record.value;
  if (claim !== null && (await isAlive(world.state, claim, world.now))) return false;
  const ours = { by: work.id, until: world.now() + claimMs };
  const claimed = await world.state.replace(agents, record, { ...record.value, claim: ours });
  if (claimed === undefined) return false;
  try {
    const current = await world.elevenLabs.getAgent(record.name, callOf(work));
    if (own !== null && isOurChange(record.value, current)) {
      const agentId = record.name;
      await world.elevenLabs.patchAgent(
        { agentId, voiceId: own.voice_id, firstMessage: own.first_message },
        callOf(work),
      );
    }
  } catch (error) {
    const isGone = error instanceof ElevenLabsError && error.reason === 'not_found';
    if (!isGone) throw error;
  }
  return (await world.state.replace(agents, claimed, NOTHING_LENT)) !== undefined;
}
