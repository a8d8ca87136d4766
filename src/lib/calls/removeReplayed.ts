import { type Attempts, isNotFound } from '../storage/blobStorage.ts';
import type { Quarantined } from './listQuarantine.ts';

/** Metadata of the JSON around an audio: all of it is stored elsewhere by now. ISO 8601. */
const REPLAYED_AT = 'replayed_at';

/** Whether it was stored already, and only removing it from quarantine did not come to its end. */
export function isReplayed({ metadata }: Quarantined): boolean {
  return metadata[REPLAYED_AT] !== undefined;
}

/**
 * Takes out of quarantine what is stored now. Parts cannot be deleted all at once, so this is written down first, where it is
 * deleted last: whoever finds the others half gone knows that nothing is lost.
 */
export async function removeReplayed(storage: Attempts, quarantined: Quarantined): Promise<void> {
  const { container, blobs, metadata } = quarantined;
  const { body, around, audio, undecoded } = blobs;
  if (around !== undefined && !isReplayed(quarantined)) {
    const marked = { ...metadata, [REPLAYED_AT]: new Date().toISOString() };
    await storage
      .attempt(container, (client, abortSignal) =>
        client.getBlobClient(around.name).setMetadata(marked, { abortSignal }),
      )
      .catch((error: unknown) => {
        if (!isNotFound(error)) throw error; // removed by somebody else meanwhile
      });
  }
  for (const part of [body, audio, undecoded, around]) {
    if (part === undefined) continue;
    await storage.attempt(container, (client, abortSignal) =>
      client.getBlobClient(part.name).deleteIfExists({ abortSignal, deleteSnapshots: 'include' }),
    );
  }
}

/** Whether somebody else has stored it since it was listed, and so has taken, or takes, its parts away. */
export async function wasReplayedMeanwhile(storage: Attempts, { container, blobs }: Quarantined): Promise<boolean> {
  const { around } = blobs;
  if (around === undefined) return false;
  try {
    const { metadata = {} } = await storage.attempt(container, (client, abortSignal) =>
      client.getBlobClient(around.name).getProperties({ abortSignal }),
    );
    return metadata[REPLAYED_AT] !== undefined;
  } catch (error) {
    return isNotFound(error);
  }
}
