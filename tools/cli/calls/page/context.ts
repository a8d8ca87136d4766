import type { CallFilter } from '../../../../src/lib/calls/findCalls.ts';
import type { StorageAccess } from '../../storageAccess.ts';
import { LiveCalls } from './liveCalls.ts';
import type { PageContext } from './routes.ts';

const USUAL_LIMIT = 10_000;
/** An account is paid for by the request, and reached over a line. */
const PAUSE_MS = { local: 2_000, azure: 60_000 };

interface Choice {
  readonly filter?: CallFilter;
  readonly limit?: number | undefined;
  /** The filter for people. */
  readonly chosen?: string;
}

/** What the page works with, on this storage. */
export function pageContext(
  access: StorageAccess,
  { filter = {}, limit = USUAL_LIMIT, chosen = '' }: Choice,
): PageContext {
  const options = { filter, limit, pauseMs: access.isAzure ? PAUSE_MS.azure : PAUSE_MS.local };
  return {
    access,
    options,
    calls: new LiveCalls(access, options),
    about: { storage: access.name, limit, chosen },
  };
}
