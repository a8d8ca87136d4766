import { rememberedKey } from '../callers/callerKey.ts';
import { CallerDirectory } from '../callers/directory.ts';
import { forgetVoices, voicesOf } from '../callers/voices.ts';
import { restoreAgent } from '../preCall/agent/restoreAgent.ts';
import { type CloneContext, callOf } from '../preCall/context.ts';
import { agents, conversations, isAlive, isExpired, voices } from '../preCall/state/records.ts';
import { findVoice, MADE_BY } from '../preCall/voice/clone.ts';
import { deleteClone, isVoiceInUse, LOCK_MS } from '../preCall/voice/deleteVoices.ts';
import { upkeep } from '../storage/proof.ts';
import { StateStore } from '../storage/stateStore.ts';
import type { EraseContext } from './eraseContext.ts';
import type { Erasure } from './erasureRecord.ts';

/** The directory of callers as erasing sees it: by hashes and voices, without a country for numbers. */
export function directoryOf({ storage, areas, now }: Pick<EraseContext, 'storage' | 'areas' | 'now'>): CallerDirectory {
  const key = rememberedKey({ storage, path: areas.state });
  return new CallerDirectory({ authority: upkeep(), storage, path: areas.callers, key, country: undefined, now });
}

/**
 * Ends the lease of a call, gives its agent back what is its own, and deletes the clones that were made for it.
 *
 * @returns why a clone stays for now; undefined when none is left.
 */
export async function eraseClones(context: EraseContext, erasure: Erasure): Promise<string | undefined> {
  const { now, work } = context;
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
  const clones = clonesOf(context);
  if (clones === undefined) return 'needs a key: set ELEVENLABS_API_KEY or ELEVENLABS_OPERATOR_API_KEY';
  for (const agent of held) {
    if (!(await restoreAgent(clones, work, agent, LOCK_MS))) return `a delivery is at work on ${agent.name}`;
  }
  await forgetVoices(directoryOf(context), await voicesOfSamples(state, erasure.samples), now());
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

/** Deletes clones that belong to no call that is known, and says which are left and why. */
export async function eraseLooseClones(context: EraseContext, voiceIds: readonly string[]): Promise<string[]> {
  const clones = clonesOf(context);
  const left: string[] = [];
  for (const voiceId of voiceIds) {
    const reason = clones === undefined ? 'needs a key' : await eraseVoice(clones, context, voiceId).catch(String);
    if (reason !== undefined) left.push(`${voiceId}: ${reason}`);
  }
  return left;
}

function clonesOf(context: EraseContext): CloneContext | undefined {
  const { storage, areas, elevenLabs, now } = context;
  if (elevenLabs === undefined) return undefined;
  const directoryVoices = async () => new Set((await voicesOf(directoryOf(context))).keys());
  return { state: new StateStore(upkeep(), storage, areas.preCallState), elevenLabs, directoryVoices, now };
}

/** Deletes one clone that no record knows, once no entry of the directory names it; never a voice that the app has not made. */
async function eraseVoice(clones: CloneContext, context: EraseContext, voiceId: string): Promise<string | undefined> {
  const voice = await findVoice(clones, context.work, voiceId);
  if (voice !== undefined && voice.labels['made_by'] !== MADE_BY)
    return `${voiceId} is not a clone of this app, and was not touched`;
  await forgetVoices(directoryOf(context), new Set([voiceId]), context.now());
  if (voice === undefined) return undefined;
  if (await isVoiceInUse(clones, voiceId)) return `a call uses the clone ${voiceId}`;
  await clones.elevenLabs.deleteVoice(voiceId, callOf(context.work));
  return undefined;
}

async function voicesOfSamples(state: StateStore, samples: readonly string[]): Promise<Set<string>> {
  const values = await Promise.all(samples.map(async (sample) => (await state.read(voices, sample))?.value));
  return new Set(values.flatMap((value) => (value === undefined || value.state === 'cloning' ? [] : value.voice_id)));
}

/** The agents that are leased to this call just now. */
async function agentsOf(state: StateStore, { conversation_id, agent_ids }: Erasure) {
  const records = await Promise.all(agent_ids.map((id) => state.read(agents, id)));
  return records
    .filter((record) => record !== undefined)
    .filter(({ value }) => value.lease?.conversation === conversation_id);
}
