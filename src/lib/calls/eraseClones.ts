import { ElevenLabsError } from '../elevenlabs/errors.ts';
import { restoreAgent } from '../preCall/agent/restoreAgent.ts';
import { type CloneContext, callOf } from '../preCall/context.ts';
import { agents, conversations, isAlive, isExpired, voices } from '../preCall/state/records.ts';
import { MADE_BY } from '../preCall/voice/clone.ts';
import { deleteClone, isVoiceInUse, LOCK_MS } from '../preCall/voice/deleteVoices.ts';
import { upkeep } from '../storage/proof.ts';
import { StateStore } from '../storage/stateStore.ts';
import type { EraseContext } from './eraseContext.ts';
import type { Erasure } from './erasureRecord.ts';

/**
 * Ends the lease of a call, gives its agent back what is its own, and deletes the clones that were made for it.
 *
 * @returns why a clone stays for now; undefined when none is left.
 */
export async function eraseClones(context: EraseContext, erasure: Erasure): Promise<string | undefined> {
  const { elevenLabs, now, work } = context;
  const state = new StateStore(upkeep(), context.storage, context.areas.preCallState);
  const record = await state.read(conversations, erasure.conversation_id);
  const isOpen = record !== undefined && !record.value.ended && !isExpired(record.value.expires_at, now());
  if (isOpen && !erasure.is_over) return 'the call is still running; sweep deletes its clone when the lease has ended';
  if (record !== undefined && !record.value.ended) {
    const ended = await state.replace(conversations, record, { ...record.value, claim: null, ended: true });
    if (ended === undefined) return 'a delivery is at work on the call';
  }
  const held = await agentsOf(state, erasure);
  if (held.length === 0 && erasure.samples.length === 0 && erasure.voice_ids.length === 0) return undefined;
  if (elevenLabs === undefined) return 'needs a key: set ELEVENLABS_API_KEY or ELEVENLABS_OPERATOR_API_KEY';
  const clones: CloneContext = { state, elevenLabs, now };
  for (const agent of held) {
    if (!(await restoreAgent(clones, work, agent, LOCK_MS))) return `a delivery is at work on ${agent.name}`;
  }
  for (const sample of erasure.samples) {
    await deleteClone(clones, work, sample);
    const left = await state.read(voices, sample);
    if (left === undefined) continue;
    const isDead = left.value.state === 'cloning' && !(await isAlive(state, left.value.claim, now));
    if (!isDead || !(await state.remove(voices, left))) return 'another call uses the same clone, or makes it just now';
  }
  for (const voiceId of erasure.voice_ids) {
    const reason = await eraseVoice(clones, context, voiceId);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** Deletes one clone that no record knows; never a voice that the app has not made. */
export async function eraseVoice(
  clones: CloneContext,
  { work }: Pick<EraseContext, 'work'>,
  voiceId: string,
): Promise<string | undefined> {
  try {
    const { labels } = await clones.elevenLabs.getVoice(voiceId, callOf(work));
    if (labels['made_by'] !== MADE_BY) return `${voiceId} is not a clone of this app, and was not touched`;
    if (await isVoiceInUse(clones, voiceId)) return `a call uses the clone ${voiceId}`;
    await clones.elevenLabs.deleteVoice(voiceId, callOf(work));
    return undefined;
  } catch (error) {
    if (error instanceof ElevenLabsError && error.reason === 'not_found') return undefined;
    throw error;
  }
}

/** The agents that are leased to this call just now. */
async function agentsOf(state: StateStore, { conversation_id, agent_ids }: Erasure) {
  const records = await Promise.all(agent_ids.map((id) => state.read(agents, id)));
  return records
    .filter((record) => record !== undefined)
    .filter(({ value }) => value.lease?.conversation === conversation_id);
}
