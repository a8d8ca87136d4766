import { AddVoiceError, ElevenLabsError } from '../../elevenlabs/errors.ts';
import type { Voice } from '../../elevenlabs/schemas.ts';
import type { StateRecord } from '../../storage/stateStore.ts';
import { callOf, type PreCallContext, type Work } from '../context.ts';
import { CloningError, cloningError } from '../errors.ts';
import { pause, waitForLock } from '../pause.ts';
import { type Caller, voiceName } from '../request/greeting.ts';
import type { Sample } from '../sample/sample.ts';
import { isAlive, type Lock, type VoiceState, voices } from '../state/records.ts';

/** Values of the labels by which we know our own voices again; see {@link voiceLabels}. */
export const MADE_BY = 'elevenlabs-webhook';

export interface CloneRequest {
  readonly conversation: string;
  readonly caller: Caller;
  /** Of the caller's number; becomes the label `caller`. */
  readonly callerLabel?: string | undefined;
  readonly sample: Sample;
  readonly sampleBytes: Buffer;
  readonly sampleHash: string;
  readonly expiresAt: number;
  readonly lock: Lock;
}

export interface Clone {
  readonly voiceId: string;
  /** As the voice is called at ElevenLabs. */
  readonly name: string;
  readonly clonedAt: number;
  readonly isReused: boolean;
}

const MAX_CLONE_CALLS = 3;
const LOOKS_AFTER_LOST_ANSWER = 3;
const LOOK_AGAIN_MS = 700;
export const LABEL_HASH_DIGITS = 32;

/** The labels of a clone, by which the sweep and the repair find it: made by, installation, conversation, sample, expiry, caller. */
function voiceLabels(
  installation: string,
  request: Pick<CloneRequest, 'conversation' | 'callerLabel' | 'sampleHash' | 'expiresAt'>,
) {
  return {
    made_by: MADE_BY,
    installation,
    conversation: request.conversation,
    sample: request.sampleHash.slice(0, LABEL_HASH_DIGITS),
    expires_at: String(Math.floor(request.expiresAt / 1000)),
    ...(request.callerLabel === undefined ? {} : { caller: request.callerLabel }),
  };
}

/**
 * One clone for a sample, whoever asks for it and however often: the record of the sample says who is cloning it, and what
 * came of it.
 *
 * @throws {CloningError} when ElevenLabs refuses (422) or could not be asked in time (503).
 */
export async function cloneOnce(context: PreCallContext, work: Work, request: CloneRequest): Promise<Clone> {
  const { state } = context;
  const cloning: VoiceState = { state: 'cloning', claim: request.lock };
  for (;;) {
    const { isNew, record } = await state.create(voices, request.sampleHash, cloning);
    if (isNew) return clone(context, work, request, record, false);
    const { value } = record;
    if (value.state === 'ready') {
      const voice = await findVoice(context, work, value.voice_id);
      if (voice !== undefined) return { ...facts(voice, value.cloned_at), isReused: true };
    }
    if (value.state === 'ready' || !(await isAlive(state, value.claim, context.now))) {
      const taken = await state.replace(voices, record, cloning);
      if (taken !== undefined) return clone(context, work, request, taken, value.state !== 'ready');
    } else await waitForLock('voice', work.signal);
  }
}

/**
 * The voice as it is at ElevenLabs; undefined when there is none any more.
 *
 * @throws {CloningError} when ElevenLabs could not be asked.
 */
export async function findVoice(
  context: Pick<PreCallContext, 'elevenLabs'>,
  work: Work,
  voiceId: string,
): Promise<Voice | undefined> {
  try {
    return await context.elevenLabs.getVoice(voiceId, callOf(work));
  } catch (error) {
    if (error instanceof ElevenLabsError && error.reason === 'not_found') return undefined;
    throw cloningError(error);
  }
}

/** A voice that was made for this sample. */
type Made = Omit<Clone, 'isReused'>;

function facts({ voiceId, name }: Voice, clonedAt: number): Made {
  return { voiceId, name, clonedAt };
}

/** `mayExist`: somebody began before us, so there may be a clone that no record knows. */
async function clone(
  context: PreCallContext,
  work: Work,
  request: CloneRequest,
  record: StateRecord<VoiceState>,
  mayExist: boolean,
): Promise<Clone> {
  let made: Made;
  try {
    made = await findOrAdd(context, work, request, mayExist);
  } catch (error) {
    // Definitely not cloned: the next one may begin afresh. Otherwise the record stays, and tells it to look first.
    if (error instanceof CloningError && error.status === 422) await context.state.remove(voices, record);
    throw error;
  }
  const ready = { state: 'ready', voice_id: made.voiceId, cloned_at: made.clonedAt } as const;
  if ((await context.state.replace(voices, record, ready)) !== undefined) return { ...made, isReused: false };
  return yieldTo(context, work, request, made);
}

/**
 * Our lock was taken over while we were cloning: keep the other's clone, and delete ours unless it is the same. Whoever is still
 * cloning may have found ours, and be about to answer with it: so nothing is deleted before they are done.
 */
async function yieldTo(context: PreCallContext, work: Work, request: CloneRequest, made: Made): Promise<Clone> {
  const { voiceId } = made;
  const look = async () => (await context.state.read(voices, request.sampleHash))?.value;
  let standing = await look();
  for (; standing?.state === 'cloning'; standing = await look()) {
    // Taken over from them, ours is found.
    if (!(await isAlive(context.state, standing.claim, context.now))) return cloneOnce(context, work, request);
    await waitForLock('voice', work.signal);
  }
  if (standing?.voice_id === voiceId) return { ...made, clonedAt: standing.cloned_at, isReused: false };
  await context.elevenLabs.deleteVoice(voiceId, callOf(work)).catch(() => {}); // else the sweep does, as an orphan
  return cloneOnce(context, work, request);
}

async function findOrAdd(context: PreCallContext, work: Work, request: CloneRequest, mayExist: boolean): Promise<Made> {
  const labels = voiceLabels(await context.installation(context.state), request);
  let looks = mayExist ? 1 : 0;
  try {
    for (let calls = 1; ; calls++) {
      const found = await look(context, work, labels, looks);
      if (found !== undefined) return found;
      const clonedAt = context.now();
      try {
        return await add(context, work, request, labels, clonedAt);
      } catch (error) {
        if (!(error instanceof AddVoiceError) || work.signal.aborted || calls === MAX_CLONE_CALLS) throw error;
        if (error.outcome === 'refused' && !error.retryable) throw error;
        looks = error.outcome === 'unknown' ? LOOKS_AFTER_LOST_ANSWER : 0;
        const waitMs = (error.retryAfterSeconds ?? calls) * 1000;
        if (performance.now() + waitMs >= work.endsAtMs) throw error;
        await pause(waitMs, work.signal);
      }
    }
  } catch (error) {
    throw cloningError(error);
  }
}

/** Looks for the clone by its sample; a voice that was just made may not be listed at once. */
async function look(
  context: PreCallContext,
  work: Work,
  { made_by, installation, sample }: ReturnType<typeof voiceLabels>,
  looks: number,
): Promise<Made | undefined> {
  for (let looked = 1; looked <= looks; looked++) {
    let oldest: Voice | undefined;
    const labels = { made_by, installation, sample };
    for await (const voice of context.elevenLabs.findVoices({ category: 'cloned', labels }, callOf(work))) {
      // Stryker disable next-line EqualityOperator: of two from the same second either will do
      if (oldest === undefined || (voice.createdAtSeconds ?? 0) < (oldest.createdAtSeconds ?? 0)) oldest = voice;
    }
    if (oldest !== undefined) {
      return facts(oldest, (oldest.createdAtSeconds ?? context.now() / 1000) * 1000);
    }
    if (looked < looks) await pause(LOOK_AGAIN_MS, work.signal);
  }
  return undefined;
}

async function add(
  context: PreCallContext,
  work: Work,
  request: CloneRequest,
  labels: Record<string, string>,
  clonedAt: number,
): Promise<Made> {
  const { sample } = request;
  const name = voiceName(request.caller, clonedAt);
  const { voiceId, requiresVerification } = await context.elevenLabs.addVoice(
    {
      name,
      sample: request.sampleBytes,
      fileName: `sample.${sample.extension}`,
      contentType: sample.contentType,
      labels,
    },
    callOf(work),
  );
  if (!requiresVerification) return { voiceId, name, clonedAt };
  await context.elevenLabs.deleteVoice(voiceId, callOf(work)).catch(() => {}); // else the sweep does, as an orphan
  throw new CloningError('requires_verification', 422, 'ElevenLabs requires this voice to be verified', {
    hint: 'A voice that requires verification cannot be used at once; it was deleted.',
  });
}
