import type { Attempts } from '../storage/blobStorage.ts';
import { inParallel } from '../storage/inParallel.ts';
import { type Call, type CallBlob, describing, timeOf } from './call.ts';
import { describeCall, needsBody, readBody } from './describeCall.ts';
import { type CallAreas, listCalls, type StoredCall } from './listCalls.ts';

/** Which calls; what is absent asks nothing. */
export interface CallFilter {
  /** Milliseconds since 1970, by the call's start, or by when it was stored when that is not known. */
  readonly since?: number | undefined;
  /** The same, exclusive. */
  readonly until?: number | undefined;
  /** Calls that were stored since then count, too, whenever they began. */
  readonly orStoredSince?: number | undefined;
  readonly agentId?: string | undefined;
  /** In its one form: `normaliseNumber`. */
  readonly number?: string | undefined;
  /** Calls that could not be made, and those that were not successful. */
  readonly isFailed?: boolean | undefined;
  /** Calls that took place and have no recording. */
  readonly lacksRecording?: boolean | undefined;
  /** In any case, in what was said and all else that a transcript or a failure holds. */
  readonly text?: string | undefined;
}

export interface FindOptions {
  /** The newest so many; the memory that it takes is theirs. */
  readonly limit: number;
  /** Called as calls are looked at. */
  readonly onProgress?: (seen: number) => void;
}

export interface Found {
  /** Newest first. */
  readonly calls: readonly Call[];
  /** How many fit, of which `calls` are the newest. */
  readonly matching: number;
  /** How many there are. */
  readonly seen: number;
}

/** Bodies that are read at once. */
const READERS = 8;

/** Finds calls by one listing of what is stored, and reads bodies only where metadata is missing or a text is looked for. */
export async function findCalls(
  storage: Attempts,
  areas: CallAreas,
  filter: CallFilter,
  { limit, onProgress }: FindOptions,
): Promise<Found> {
  const newest: Call[] = [];
  let matching = 0;
  let seen = 0;
  const looked = async (stored: StoredCall) => {
    const call = mayFit(stored, filter) ? await describeCall(storage, stored) : undefined;
    if (call === undefined || !fits(call, filter)) return undefined;
    return (await holdsText(storage, call, filter.text)) ? call : undefined;
  };
  for await (const call of inParallel(listCalls(storage, areas, filter), READERS, looked)) {
    seen++;
    onProgress?.(seen);
    if (call === undefined) continue;
    matching++;
    newest.push(call);
    if (newest.length >= 2 * limit) keepNewest(newest, limit);
  }
  keepNewest(newest, limit);
  return { calls: newest, matching, seen };
}

function keepNewest(calls: Call[], limit: number): void {
  calls.sort((one, other) => timeOf(other) - timeOf(one));
  calls.splice(limit);
}

/** Whether a call whose body would have to be read is worth it: one that was stored before the time began before it. */
function mayFit({ blobs }: StoredCall, { since }: CallFilter): boolean {
  const blob = describing(blobs);
  if (blob === undefined || since === undefined || !needsBody(blob)) return true;
  return blobs.some(({ storedAt }) => storedAt.getTime() >= since);
}

function fits(call: Call, filter: CallFilter): boolean {
  const { since, until, orStoredSince, number, isFailed = false, lacksRecording = false } = filter;
  const { details, has } = call;
  const time = timeOf(call);
  const isInTime = (since === undefined || time >= since) && (until === undefined || time < until);
  const isNew = orStoredSince !== undefined && call.blobs.some(({ storedAt }) => storedAt.getTime() >= orStoredSince);
  if (!isInTime && !isNew) return false;
  if (number !== undefined && details['call_external_number'] !== number) return false;
  if (isFailed && !has.failure && details['call_successful'] !== 'failure') return false;
  return !lacksRecording || (!has.recording && !(has.failure && !has.transcript && !has.otel));
}

async function holdsText(storage: Attempts, { blobs }: Call, text: string | undefined): Promise<boolean> {
  if (text === undefined) return true;
  const wanted = folded(text);
  for (const blob of blobs) {
    if (isSearched(blob) && holds(await readBody(storage, blob), wanted)) return true;
  }
  return false;
}

function isSearched({ form }: CallBlob): boolean {
  return form === 'transcript' || form === 'otel' || form === 'failure';
}

/** Not by recursion: a body may be nested deeper than the stack. */
function holds(body: unknown, wanted: string): boolean {
  const left = [body];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === 'string' && folded(value).includes(wanted)) return true;
    if (typeof value === 'object' && value !== null) for (const member of Object.values(value)) left.push(member);
  }
  return false;
}

/** `STRASSE` finds `Straße`, and one accented letter finds the same in two code points. */
function folded(text: string): string {
  return text.normalize('NFKC').toUpperCase().toLowerCase();
}
