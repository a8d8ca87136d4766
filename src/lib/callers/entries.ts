import { createHash } from 'node:crypto';
import type { StoragePath } from '../settings/storagePath.ts';
import type { Attempts } from '../storage/blobStorage.ts';
import { inParallel } from '../storage/inParallel.ts';
import { listBlobs } from '../storage/listBlobs.ts';
import type { RecordKind } from '../storage/stateStore.ts';
import { type CallerRecord, LARGEST_RECORD_BYTES, storedRecord } from './record.ts';

/** An entry that cannot be used, in the place of its record. */
export interface Unusable {
  readonly unusable: 'broken' | 'too-large';
}

/** What a listing says of an entry. Whoever writes entries without it only costs a look at each of them. */
export interface Glance {
  readonly hash: string;
  readonly voiceId: string | undefined;
  readonly expiresAt: string | undefined;
}

const READERS = 32;

/** The entries of the directory as records of its area. */
export const entries: RecordKind<CallerRecord | Unusable> = {
  folder: '',
  schema: storedRecord,
  unusable: { limitBytes: LARGEST_RECORD_BYTES, as: (reason) => ({ unusable: reason }) },
  metadata: (value, bytes) => ({
    body_md5: createHash('md5').update(bytes).digest('base64'),
    ...('unusable' in value ? {} : metadataOf(value)),
  }),
};

function metadataOf({ voice_id, expires_at }: CallerRecord): Record<string, string> {
  return {
    ...(voice_id === undefined ? {} : { voice_id }),
    ...(expires_at === undefined ? {} : { expires_at }),
  };
}

/** Of all entries, in the order of their names. One whose metadata is not about the bytes that storage has is read. */
export async function* glances(
  { storage, path }: { readonly storage: Attempts; readonly path: StoragePath },
  read: (hash: string) => Promise<CallerRecord | Unusable | undefined>,
): AsyncGenerator<Glance, void, undefined> {
  const found = inParallel(listBlobs(storage, path), READERS, async ({ name, metadata = {}, properties }) => {
    const hash = /^([0-9a-f]{64})\.json$/.exec(name.slice(path.prefix.length))?.[1];
    if (hash === undefined) return undefined;
    const md5 = properties.contentMD5 && Buffer.from(properties.contentMD5).toString('base64');
    if (md5 !== undefined && md5 === metadata['body_md5']) {
      return { hash, voiceId: metadata['voice_id'], expiresAt: metadata['expires_at'] };
    }
    const value = await read(hash);
    const record = value === undefined || 'unusable' in value ? undefined : value;
    return { hash, voiceId: record?.voice_id, expiresAt: record?.expires_at };
  });
  for await (const glance of found) if (glance !== undefined) yield glance;
}
