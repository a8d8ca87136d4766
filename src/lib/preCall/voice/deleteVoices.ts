import { ElevenLabsError } from '../../elevenlabs/errors.ts';
import type { Voice } from '../../elevenlabs/schemas.ts';
import { type CloneContext, callOf, type PreCallContext, type Work } from '../context.ts';
import { agents, conversations, isAlive, voices } from '../state/records.ts';
import { reportFailure } from '../sweepStep.ts';
import { LABEL_HASH_DIGITS, MADE_BY } from './clone.ts';

/** How long the sweep holds what it locks. Shorter than the patience of a caller, who waits for it. */
export const LOCK_MS = 30_000;
const ORPHAN_AGE_MS = 15 * 60_000;

/** Voices that must stay: those of calls that run now, and those that the directory of callers names. */
interface InUse {
  readonly samples: ReadonlySet<string>;
  readonly voiceIds: ReadonlySet<string>;
}

async function inUse(context: CloneContext): Promise<InUse> {
  const samples = new Set<string>();
  const voiceIds = new Set(await context.directoryVoices());
  for (const { name } of await context.state.list(conversations)) {
    const value = (await context.state.read(conversations, name))?.value;
    if (value === undefined || value.ended) continue;
    samples.add(value.sample_sha256);
    if (value.answer !== null) voiceIds.add(value.answer.voice_id);
  }
  for (const { name } of await context.state.list(agents)) {
    const value = (await context.state.read(agents, name))?.value;
    if (value === undefined) continue;
    for (const { voice_id } of value.set) voiceIds.add(voice_id);
  }
  return { samples, voiceIds };
}

/** Whether a call may be heard with this voice, now or when its caller is known again. */
export async function isVoiceInUse(context: CloneContext, voiceId: string): Promise<boolean> {
  return (await inUse(context)).voiceIds.has(voiceId);
}

/**
 * Deletes a clone that no running lease and no caller of the directory needs. A delivery first writes its conversation and then reads the voice; we first
 * mark the voice and then read the conversations: at least one of the two sees the other.
 */
export async function deleteClone(context: CloneContext, work: Work, sample: string): Promise<void> {
  const record = await context.state.read(voices, sample);
  if (record === undefined || record.value.state === 'cloning') return;
  const { value } = record;
  if (value.state === 'deleting' && (await isAlive(context.state, value.claim, context.now))) return;
  const { voice_id, cloned_at } = value;
  const lock = { by: work.id, until: context.now() + LOCK_MS };
  const marked = await context.state.replace(voices, record, { state: 'deleting', claim: lock, voice_id, cloned_at });
  if (marked === undefined) return;
  const now = await inUse(context);
  if (now.samples.has(sample) || now.voiceIds.has(voice_id)) {
    await context.state.replace(voices, marked, { state: 'ready', voice_id, cloned_at });
    return;
  }
  await context.elevenLabs.deleteVoice(voice_id, callOf(work));
  await context.state.remove(voices, marked);
  work.log.write('INFO', 'sweep', { outcome: 'clone deleted', voice: voice_id });
}

/** Our own voices that no record knows: left behind by a process that died, or made twice. */
export async function deleteOrphans(context: PreCallContext, work: Work): Promise<void> {
  const candidates = (await ourVoices(context, work)).filter(
    (voice) => context.now() - (voice.createdAtSeconds ?? 0) * 1000 > ORPHAN_AGE_MS,
  );
  if (candidates.length === 0) return;
  const known = new Set<string | undefined>();
  const candidateSamples = new Set(candidates.map(({ labels }) => labels['sample']));
  for (const { name } of await context.state.list(voices)) {
    const record = await context.state.read(voices, name);
    if (record?.value.state === 'cloning') {
      const label = name.slice(0, LABEL_HASH_DIGITS);
      if (!candidateSamples.has(label)) continue;
      // Somebody at work may be about to find this very voice by its labels. One who died is not, once the record is gone.
      const isAtWork = await isAlive(context.state, record.value.claim, context.now);
      if (isAtWork || !(await context.state.remove(voices, record))) known.add(label);
    } else if (record !== undefined) known.add(record.value.voice_id);
  }
  const { voiceIds } = await inUse(context);
  for (const voice of candidates) {
    if (known.has(voice.voiceId) || known.has(voice.labels['sample']) || voiceIds.has(voice.voiceId)) continue;
    await unlessRefused(work, 'orphan', async () => {
      await context.elevenLabs.deleteVoice(voice.voiceId, callOf(work));
      work.log.write('WARNING', 'sweep', { outcome: 'orphan deleted', voice: voice.voiceId });
    });
  }
}

/** Deletes our oldest clones that nobody needs until so many slots are free. */
export async function keepReserve(context: PreCallContext, work: Work): Promise<void> {
  const { voiceSlotsUsed, voiceLimit } = await context.elevenLabs.getSubscription(callOf(work));
  let missing = context.settings.slotsReserve - (voiceLimit - voiceSlotsUsed);
  if (missing <= 0) return;
  const samples = new Map<string, string>();
  for (const { name } of await context.state.list(voices)) {
    const value = (await context.state.read(voices, name))?.value;
    if (value === undefined) continue;
    // Stryker disable next-line ConditionalExpression,StringLiteral: what is being made has no voice id to be found by
    if (value.state !== 'cloning') samples.set(value.voice_id, name);
  }
  const oldestFirst = (await ourVoices(context, work)).sort(
    (a, b) => (a.createdAtSeconds ?? 0) - (b.createdAtSeconds ?? 0),
  );
  for (const voice of oldestFirst) {
    const sample = samples.get(voice.voiceId);
    if (missing <= 0) return;
    if (sample === undefined) continue;
    await unlessRefused(work, 'clone', async () => {
      await deleteClone(context, work, sample);
      if ((await context.state.read(voices, sample)) === undefined) missing--;
    });
  }
  if (missing > 0) {
    work.log.write('WARNING', 'sweep', {
      outcome: 'reserve not reached',
      missing,
      hint: 'All other voices are in use, not ours, or refused.',
    });
  }
}

/** One voice that ElevenLabs refuses to delete keeps no other from its turn. When ElevenLabs is away, none is marked in vain. */
async function unlessRefused(work: Work, what: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof ElevenLabsError) || error.retryable) throw error;
    reportFailure(work, what, error);
  }
}

async function ourVoices(context: PreCallContext, work: Work): Promise<Voice[]> {
  const labels = { made_by: MADE_BY, installation: await context.installation(context.state) };
  const found: Voice[] = [];
  for await (const voice of context.elevenLabs.findVoices({ category: 'cloned', labels }, callOf(work)))
    found.push(voice);
  return found;
}
