import type { StoragePath } from '../settings/storagePath.ts';
import { type Attempts, isNotFound } from './blobStorage.ts';

/** Metadata of the empty blob that keeps the name of what was erased: when that was, ISO 8601. */
const ERASED_AT = 'erased_at';

/** The metadata of such a blob. */
export function tombstone(erasedAt: string): Record<string, string> {
  return { [ERASED_AT]: erasedAt };
}

/** Whether a blob only says that what had its name was erased: such a name is never written to again. */
export function isTombstone(metadata: Readonly<Record<string, string>>): boolean {
  return metadata[ERASED_AT] !== undefined;
}

/**
 * Whether the conversation was erased: `<state>/erased/<conversation_id>.json` is written before the first blob is touched, and
 * stays. Asked for what does not have a name of its call; one that has meets a tombstone, see {@link isTombstone}.
 *
 * @throws {StorageUnavailable} What is not known is not kept.
 */
export async function wasErased(storage: Attempts, state: StoragePath, conversationId: string): Promise<boolean> {
  const name = `${state.prefix}erased/${conversationId}.json`;
  try {
    await storage.attempt(state.container, (container, abortSignal) =>
      container.getBlobClient(name).getProperties({ abortSignal }),
    );
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
