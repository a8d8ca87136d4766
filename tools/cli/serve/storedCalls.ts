import { Failure } from '../../command/errors.ts';
import { type Azurite, type AzuritePersistence, startAzurite } from '../../local/azurite.ts';
import { STORED_CALLS_QUEUE, StoredCallEvents } from '../../local/storedCallEvents.ts';
import { PortTakenError } from '../ports.ts';
import type { Settings } from './settings.ts';

/** The queue beside the blobs, with a message for each stored call. */
export interface StoredCalls {
  azurite: Azurite;
  close(): Promise<void>;
}

/** The containers that the template's subscription is about: infra/modules/events.bicep. */
export function eventsOfStoredCalls(settings: Settings): StoredCallEvents {
  const paths = [
    settings['TRANSCRIPT_STORAGE_PATH'] || 'transcripts',
    settings['AUDIO_STORAGE_PATH'] || 'audio',
    settings['CALL_FAILURE_STORAGE_PATH'] || 'call-failures',
  ];
  return new StoredCallEvents(paths.map((path) => path.split('/')[0] ?? path));
}

/**
 * Starts Azurite's queue service on the port after that of the blobs, where Azurite has it itself, and opens the events.
 *
 * @throws Failure when another program has that port.
 */
export async function startStoredCalls(
  events: StoredCallEvents,
  blobs: Azurite,
  { isFreePort, ...kept }: AzuritePersistence & { isFreePort: boolean },
): Promise<StoredCalls> {
  const port = isFreePort ? 0 : blobs.port + 1;
  const azurite = await startAzurite({ service: 'queue', port, ...kept }).catch((cause: unknown) => {
    if (!(cause instanceof PortTakenError)) throw cause;
    throw new Failure(`The queue's port ${port} on 127.0.0.1, the one after the storage port, is taken.`, { cause });
  });
  try {
    // Not above: npm start without the queue does without both.
    const [{ BlobServiceClient }, { QueueServiceClient }] = await Promise.all([
      import('@azure/storage-blob'),
      import('@azure/storage-queue'),
    ]);
    await events.open({
      blobs: BlobServiceClient.fromConnectionString(blobs.connectionString),
      queue: QueueServiceClient.fromConnectionString(azurite.connectionString).getQueueClient(STORED_CALLS_QUEUE),
    });
  } catch (error) {
    await azurite.stop();
    throw error;
  }
  const close = async () => {
    await events.close();
    await azurite.stop();
  };
  return { azurite, close };
}
