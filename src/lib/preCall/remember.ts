import type { Change, Entry } from '../callers/directory.ts';
import { type CallerRecord, isPast } from '../callers/record.ts';
import { wasErased } from '../storage/erasures.ts';
import type { PreCallContext, Remembering, Work } from './context.ts';
import { cleanName } from './request/greeting.ts';
import type { PreCallRequest } from './request/request.ts';

/**
 * What became of a caller who is to be remembered: written anew, written again, written into what was empty; left as an operator
 * has it; without a number that anybody could be known by; left alone because the call was erased or the entry cannot be used;
 * not done, or not done when the answer left.
 */
export type Remembered = 'new' | 'renewed' | 'filled' | 'kept' | 'withheld' | 'erased' | 'unusable' | 'failed' | 'late';

export interface VoiceOfCall {
  /** Undefined when it is gone, or nobody could say whether it is. */
  readonly voiceId: string | undefined;
  /** Of an answer that is given again: what the entry says is newer. */
  readonly isRepeated: boolean;
}

/** The caller is on the phone: an answer that is ready waits no longer for this. */
const MOST_MS = 500;
const KEPT_MS = 365 * 24 * 3_600_000;
const SOURCE = 'pre-call';

/**
 * Writes who calls, and with which voice, into the directory of callers: when callers are remembered at all and this one has
 * agreed. Takes half a second at most, and never fails; what is not done by then goes on by itself.
 */
export async function remember(
  { remembering, storage, now }: PreCallContext,
  work: Work,
  request: PreCallRequest,
  voice: VoiceOfCall,
): Promise<Remembered | undefined> {
  if (remembering === undefined || request.caller.mayBeRemembered !== true) return undefined;
  let isWaitedFor = true;
  const writing = write({ remembering, storage, now }, request, voice).catch((error: unknown) => {
    const { agentId: agent, conversationId: conversation } = request;
    const hint = error instanceof Error ? error.message : String(error);
    if (isWaitedFor) work.log.write('WARNING', 'caller', { outcome: 'not remembered', agent, conversation, hint });
    return 'failed' as const;
  });
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => resolve('late'), MOST_MS);
  const remembered = await Promise.race([writing, late]);
  clearTimeout(timer);
  isWaitedFor = false; // nothing is logged for an invocation that has ended
  return remembered;
}

async function write(
  { remembering: { directory, statePath }, storage, now }: Context,
  { conversationId, caller }: PreCallRequest,
  { voiceId, isRepeated }: VoiceOfCall,
): Promise<Remembered> {
  const number = directory.normalise(caller.phoneNumber);
  if (number === undefined) return 'withheld';
  // What was erased stays erased, also when the switch delivers the call again.
  const [isErased, hash] = await Promise.all([wasErased(storage, statePath, conversationId), directory.hashOf(number)]);
  if (isErased) return 'erased';
  const name = cleanName(caller.name);
  const known = {
    number,
    ...(voiceId === undefined ? {} : { voice_id: voiceId }),
    ...(name === '' ? {} : { name }),
  };
  let outcome: Remembered = 'kept';
  await directory.change(hash, (entry) => {
    const decision = decide(entry, { known, isRepeated }, now());
    outcome = decision.outcome;
    return decision.change;
  });
  return outcome;
}

interface Context extends Pick<PreCallContext, 'storage' | 'now'> {
  readonly remembering: Remembering;
}

type Known = Pick<CallerRecord, 'number' | 'voice_id' | 'name'>;

/** What an operator or an import has written is never changed: only what is empty in it is filled. */
function decide(
  entry: Entry | undefined,
  { known, isRepeated }: { readonly known: Known; readonly isRepeated: boolean },
  now: number,
): { readonly outcome: Remembered; readonly change: Change } {
  const updated_at = new Date(now).toISOString();
  const ours = { source: SOURCE, expires_at: new Date(now + KEPT_MS).toISOString(), updated_at };
  if (entry === undefined) return { outcome: 'new', change: { ...known, ...ours } };
  // Stryker disable next-line StringLiteral: an entry that cannot be used has no number either
  if ('unusable' in entry || entry.number !== known.number) return { outcome: 'unusable', change: 'leave' };
  if (isPast(entry, now)) return { outcome: 'new', change: { ...known, ...ours } };
  if (entry.source === SOURCE) {
    const renewed = isRepeated ? { ...known, ...entry } : { ...entry, ...known };
    return { outcome: 'renewed', change: { ...renewed, ...ours } };
  }
  const filled = { ...known, ...entry };
  const isFuller = filled.name !== entry.name || filled.voice_id !== entry.voice_id;
  return isFuller ? { outcome: 'filled', change: { ...filled, updated_at } } : { outcome: 'kept', change: 'leave' };
}
