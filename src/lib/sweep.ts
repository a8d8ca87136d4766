import type { Services } from './services.ts';
import { sweepIncoming } from './storage/incoming.ts';
import type { Log } from './telemetry/log.ts';

/** The longest that a delivery can be at work: the functionTimeout of host.json. */
const LONGEST_DELIVERY_MS = 5 * 60_000;

/** What the timer does: finishes recordings that a process left behind when it died. Safe on many instances at once. */
export async function sweep(services: Services, log: Log): Promise<void> {
  if (services.postCall === undefined) return;
  const { storage, paths } = services.postCall.store;
  const { finished, failed } = await sweepIncoming(storage, paths.incoming, {
    olderThanMs: LONGEST_DELIVERY_MS,
    now: services.now(),
  });
  for (const { kind, blob } of finished) log.write('WARNING', 'sweep', { outcome: kind, blob });
  for (const { name, reason } of failed) log.write('ERROR', 'sweep', { outcome: 'failed', name, hint: reason });
  log.write('DEBUG', 'sweep', { finished: finished.length, failed: failed.length });
}
