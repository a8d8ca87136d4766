import { type CallFilter, findCalls } from '../../../../src/lib/calls/findCalls.ts';
import { keyOf, type SearchLine } from '../../../page/api.ts';
import type { StorageAccess } from '../../storageAccess.ts';
import { summaryOf } from './summary.ts';

interface Search {
  readonly filter: CallFilter;
  /** At most so many are found, the newest. */
  readonly limit: number;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Of one request: a page of a listing takes long where there are many calls. */
const LISTING = { totalMs: 180_000, tryMs: 180_000 };
const CALLS_A_LINE = 50;

/** Looks for words in what is stored of calls, body by body, and says how far it is. */
export async function searchCalls(
  { storage, areas }: StorageAccess,
  { filter, limit, signal }: Search,
  say: (line: SearchLine) => void,
): Promise<void> {
  const onProgress = (seen: number) => {
    if (seen % CALLS_A_LINE === 0) say({ seen });
  };
  const { calls } = await findCalls(storage.until(signal, LISTING), areas, filter, { limit, onProgress });
  say({ found: calls.map((call) => keyOf(summaryOf(call))) });
}
