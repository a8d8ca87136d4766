import type { ElevenLabsClient } from '../elevenlabs/client.ts';
import type { Work } from '../preCall/context.ts';
import type { StorageAreas } from '../settings/storageAreas.ts';
import type { Attempts } from '../storage/blobStorage.ts';

/** What erasing works with, in a command and in the app. */
export interface EraseContext {
  readonly storage: Attempts;
  readonly areas: StorageAreas;
  /** With the app's key or the operator's: deletes clones. Undefined without either. */
  readonly elevenLabs: ElevenLabsClient | undefined;
  /** With the operator's key: deletes conversations. */
  readonly operator: ElevenLabsClient | undefined;
  readonly work: Work;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}
