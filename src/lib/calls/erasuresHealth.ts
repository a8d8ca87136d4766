import type { StorageAreas } from '../settings/storageAreas.ts';
import type { Attempts } from '../storage/blobStorage.ts';
import { listErasures } from './erasureRecord.ts';
import { LATE_MS } from './finishErasures.ts';

/** Erasures that nobody has finished within a day: somebody waits for them. Never a reason to be unhealthy. */
export interface ErasuresHealth {
  readonly status: 'warning';
  readonly unfinished: number;
}

interface ErasuresServices {
  readonly erasing: { readonly storage: Attempts; readonly areas: Pick<StorageAreas, 'state'> } | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const CACHE_MS = 5 * 60_000;
const LIMIT_MS = 2_000;

/** Asks at most once in five minutes; undefined when none is late, and when storage does not say. */
export function erasuresHealth({ erasing, now }: ErasuresServices): () => Promise<ErasuresHealth | undefined> {
  let last: { readonly at: number; readonly result: Promise<ErasuresHealth | undefined> } | undefined;
  return () => {
    if (erasing === undefined) return Promise.resolve(undefined);
    if (last === undefined || now() - last.at >= CACHE_MS) {
      const storage = erasing.storage.until(AbortSignal.timeout(LIMIT_MS));
      const result = countLate({ storage, path: erasing.areas.state }, now()).catch(() => undefined);
      last = { at: now(), result };
    }
    return last.result;
  };
}

async function countLate(state: Parameters<typeof listErasures>[0], now: number): Promise<ErasuresHealth | undefined> {
  let unfinished = 0;
  for await (const { isFinished, requestedAt } of listErasures(state)) {
    if (!isFinished && now - requestedAt.getTime() > LATE_MS) unfinished++;
  }
  return unfinished === 0 ? undefined : { status: 'warning', unfinished };
}
