import type { Quarantined } from '../../../src/lib/calls/listQuarantine.ts';
import { type Replayed, replayInPlace } from '../../../src/lib/calls/replayInPlace.ts';
import { type CallStore, callStoreOn } from '../../../src/lib/postCall/callStore.ts';
import { note, printJson } from '../../command/output.ts';
import type { StorageAccess } from '../storageAccess.ts';
import type { CallValues } from './options.ts';
import { readTime } from './times.ts';

/** Nothing to be replayed is no failure: a script may ask every night. */
export const NOTHING = 'Nothing that fits is in quarantine.';

/** Puts back what is understood by now; 1 when something failed. */
export async function replayQuarantine(access: StorageAccess, values: CallValues): Promise<number> {
  const counts: Partial<Record<Replayed['outcome'], number>> = {};
  const which = { reason: values.reason, isChosen: chosenOfQuarantine(values) };
  for await (const replayed of replayInPlace(quarantineStore(access), which)) {
    counts[replayed.outcome] = (counts[replayed.outcome] ?? 0) + 1;
    if (values.json) printJson(replayed);
    else
      console.log(`${replayed.outcome.padEnd(12)} ${replayed.blob}${replayed.stored ? ` -> ${replayed.stored}` : ''}`);
    if (replayed.hint !== undefined) note(replayed.hint);
  }
  if (values.json) printJson({ summary: counts });
  else console.log(summaryOf(counts, NOTHING));
  return counts.failed === undefined ? 0 : 1;
}

/** By the event's time, or when that is not known by when it was stored, and by the agent. */
export function chosenOfQuarantine(values: CallValues): (quarantined: Quarantined) => boolean {
  const time = (text: string | undefined) =>
    text === undefined ? undefined : readTime(text, { isUtc: values.utc, now: Date.now() });
  const [since, until] = [time(values.since), time(values.until)];
  return ({ metadata, storedAt }) => {
    const seconds = Number(metadata['event_timestamp'] ?? Number.NaN);
    const at = Number.isNaN(seconds) ? storedAt.getTime() : seconds * 1000;
    if ((since !== undefined && at < since) || (until !== undefined && at >= until)) return false;
    return values.agent === undefined || values.agent === metadata['agent_id'];
  };
}

/** Where what is understood by now is stored, whatever the settings switch off for deliveries. */
export function quarantineStore({ storage, areas, settings }: StorageAccess): CallStore {
  const keepsUnknownTypes = settings['UNKNOWN_EVENT_TYPES'] === 'keep';
  const kept = { paths: areas, storesTranscripts: true, storesAudio: true, keepsUnknownTypes };
  return callStoreOn(storage, kept, areas.state);
}

export function summaryOf(counts: Readonly<Record<string, number | undefined>>, nothing: string): string {
  const all = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
  return all.length === 0 ? nothing : all.join(', ');
}
