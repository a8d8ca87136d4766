import type { ListedConversation } from '../elevenlabs/conversationSchemas.ts';
import type { FetchedConversation } from '../elevenlabs/conversations.ts';
import { ElevenLabsError } from '../elevenlabs/errors.ts';
import { wasErased } from '../storage/erasures.ts';
import type { ReconcileContext, Run } from './context.ts';
import { endOf, type Fetched, storeRecording, storeTranscript } from './fetchCall.ts';
import { type Finding, failed, type LossReason, type What } from './finding.ts';
import { type Here, isFailureHere, lookFor } from './lookFor.ts';

/** A call of the listing; or one that is only known by its id, its agent and when it began. */
export type CallToCheck = Pick<ListedConversation, 'id' | 'agentId' | 'startedAtSeconds'> & Partial<ListedConversation>;

/**
 * - `whole`: everything that can be expected is here, or the call was erased.
 * - `settled`: what was missing has been fetched, or can never be.
 * - `open`: too early to say, or it has failed: look again.
 */
export interface Checked {
  readonly state: 'whole' | 'settled' | 'open';
  readonly findings: readonly Finding[];
}

export interface CheckOptions {
  /** What a fetched part is called. */
  readonly fetchedAs: 'recovered' | 'backfilled';
  /** Nothing is fetched: what is missing is only said, and why. */
  readonly onlySays?: 'dry_run' | 'older' | undefined;
}

const WHOLE: Checked = { state: 'whole', findings: [] };
const OPEN: Checked = { state: 'open', findings: [] };

/**
 * One call: is all of it here? Fetches what is not.
 *
 * @throws {ElevenLabsError} and {@link StorageUnavailable} for what would fail for every other call as well; {@link NoTimeLeft}.
 */
export async function checkCall(
  context: ReconcileContext,
  run: Run,
  call: CallToCheck,
  options: CheckOptions,
): Promise<Checked> {
  if (call.status !== undefined && isOpen(context, call)) return OPEN;
  if (call.status === 'failed') return checkFailure(context, call);
  const here = await lookFor(context, call);
  const missing = missingOf(context, here);
  if (missing.length === 0 || (await wasErased(context.storage, context.settings.statePath, call.id))) return WHOLE;
  const lost = (reason: LossReason, whats: readonly What[] = missing): Checked => ({
    state: 'settled',
    findings: whats.map((what) => ({ ...nameOf(call), what, outcome: 'unrecoverable', reason })),
  });
  if (call.isHidden) return lost('hidden', missing.slice(0, 1));
  let fetched: FetchedConversation;
  try {
    fetched = await context.api.conversation(call, { signal: run.signal });
  } catch (error) {
    if (error instanceof ElevenLabsError && error.reason === 'not_found') return lost('deleted', missing.slice(0, 1));
    throwIfGeneral(error, run);
    return { state: 'open', findings: [failed({ ...nameOf(call), what: missing[0] ?? 'transcript' }, error)] };
  }
  const { detail } = fetched;
  if (isOpen(context, detail)) return OPEN;
  if (detail.status === 'failed') return checkFailure(context, call);
  return new Fetch(context, run, fetched, options).all(missing);
}

function nameOf({ id, agentId }: CallToCheck) {
  return { conversationId: id, agentId };
}

/** By our clock, which may be ahead of ElevenLabs' or behind it: an hour, unless told otherwise, is longer than that. */
function isOpen({ now, settings }: ReconcileContext, call: CallToCheck): boolean {
  if (call.status !== 'done' && call.status !== 'failed') return true;
  const endedAt = endOf({ startedAtSeconds: call.startedAtSeconds, durationSeconds: call.durationSeconds ?? 0 });
  return endedAt * 1000 > now() - settings.afterMs;
}

function missingOf({ store }: ReconcileContext, here: Here): What[] {
  if (here.isErased) return [];
  const whats: What[] = [];
  if (store.storesTranscripts && !here.transcript) whats.push('transcript');
  if (store.storesAudio && !here.recording && !(here.transcript && here.hasAudio === false)) whats.push('audio');
  return whats;
}

/** Of a call that could not be made the API has no more than that: its event says why, and comes once. */
async function checkFailure(context: ReconcileContext, call: CallToCheck): Promise<Checked> {
  if (await isFailureHere(context, call)) return WHOLE;
  if (await wasErased(context.storage, context.settings.statePath, call.id)) return WHOLE;
  const finding = { ...nameOf(call), what: 'failure', outcome: 'unrecoverable', reason: 'not_in_api' } as const;
  return { state: 'settled', findings: [finding] };
}

/** What is missing of one call, one part after the other. */
class Fetch {
  readonly #context: ReconcileContext;
  readonly #run: Run;
  readonly #fetched: FetchedConversation;
  readonly #options: CheckOptions;

  constructor(context: ReconcileContext, run: Run, fetched: FetchedConversation, options: CheckOptions) {
    this.#context = context;
    this.#run = run;
    this.#fetched = fetched;
    this.#options = options;
  }

  async all(missing: readonly What[]): Promise<Checked> {
    const findings: Finding[] = [];
    for (const what of missing) {
      const finding = await this.#part(what);
      if (finding !== undefined) findings.push(finding);
    }
    if (findings.length === 0) return WHOLE;
    const isOpen = findings.some(({ outcome }) => outcome === 'failed' || outcome === 'missing');
    return { state: isOpen ? 'open' : 'settled', findings };
  }

  /** Undefined when nothing is missing after all. */
  async #part(what: What): Promise<Finding | undefined> {
    const { detail } = this.#fetched;
    const part = { conversationId: detail.id, agentId: detail.agentId, what };
    const { fetchedAs, onlySays } = this.#options;
    if (what === 'audio' && !detail.hasAudio) return undefined;
    if (what === 'transcript' && !detail.hasTranscript) {
      const reason = detail.isZeroRetention ? 'zero_retention' : 'empty_transcript';
      return { ...part, outcome: 'unrecoverable', reason };
    }
    if (onlySays !== undefined) return { ...part, outcome: 'missing', reason: onlySays };
    try {
      const { kept, bytes } = await this.#store(what);
      // Here in the meantime, by a webhook or another run; or erased.
      return kept.kind === 'stored' ? { ...part, outcome: fetchedAs, blob: kept.blob, bytes } : undefined;
    } catch (error) {
      if (error instanceof ElevenLabsError && error.reason === 'not_found') {
        return { ...part, outcome: 'unrecoverable', reason: 'deleted' };
      }
      throwIfGeneral(error, this.#run);
      return failed(part, error);
    }
  }

  #store(what: What): Promise<Fetched> {
    if (what === 'audio') return storeRecording(this.#context, this.#run, this.#fetched.detail);
    return storeTranscript(this.#context, this.#run, this.#fetched);
  }
}

/** What ends the run: it would be the same for every other call, or the time is over, or it is a bug. */
function throwIfGeneral(error: unknown, { signal }: Run): void {
  const isOfOneCall = error instanceof ElevenLabsError && !['invalid_api_key', 'rate_limited'].includes(error.reason);
  if (!isOfOneCall || signal.aborted) throw error;
}
