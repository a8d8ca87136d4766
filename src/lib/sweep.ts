import type { CallStore } from './postCall/callStore.ts';
import { sweepPreCall } from './preCall/sweep.ts';
import type { Services } from './services.ts';
import { sweepIncoming } from './storage/incoming.ts';
import type { Log } from './telemetry/log.ts';

/** The longest that a delivery can be at work: the functionTimeout of host.json. */
const LONGEST_DELIVERY_MS = 5 * 60_000;

/** What the timer does; one task that fails does not keep the other from being done. Safe on many instances at once. */
export async function sweep(services: Services, log: Log): Promise<void> {
  const { postCall, preCall, now } = services;
  const tasks = [
    ...(postCall === undefined ? [] : [finishRecordings(postCall.store, now(), log)]),
    ...(preCall === undefined ? [] : [sweepPreCall(preCall, log)]),
  ];
  const failed = (await Promise.allSettled(tasks)).filter((result) => result.status === 'rejected');
  if (failed.length > 0)
    throw new AggregateError(
      failed.map((result) => result.reason),
      'The sweep failed in part',
    );
}

/** Finishes recordings that a process left behind when it died. */
async function finishRecordings({ storage, paths }: CallStore, now: number, log: Log): Promise<void> {
  const { finished, failed } = await sweepIncoming(storage, paths.incoming, { olderThanMs: LONGEST_DELIVERY_MS, now });
  for (const { kind, blob } of finished) log.write('WARNING', 'sweep', { outcome: kind, blob });
  for (const { name, reason } of failed) log.write('ERROR', 'sweep', { outcome: 'failed', name, hint: reason });
  log.write('DEBUG', 'sweep', { finished: finished.length, failed: failed.length });
}
