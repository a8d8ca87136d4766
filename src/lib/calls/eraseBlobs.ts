import { setTimeout as sleep } from 'node:timers/promises';
import { type BlobItem, RestError } from '@azure/storage-blob';
import { StorageUnavailable } from '../errors.ts';
import type { StorageAreas } from '../settings/storageAreas.ts';
import { type Attempts, isAlreadyThere, isNotFound } from '../storage/blobStorage.ts';
import { isTombstone, tombstone } from '../storage/erasures.ts';
import { listBlobs } from '../storage/listBlobs.ts';
import { stemOf } from './blobName.ts';
import type { Erasure } from './erasureRecord.ts';

type Where = { readonly container: string; readonly prefix: string };
type Matches = (item: BlobItem) => boolean;

/** Deleting what is current makes a version of it where versions are kept: a second round deletes that. */
const ROUNDS = 4;
const COPY_TRIES = 20;
const COPY_WAIT_MS = 250;

/** Contributors may delete blobs and not their versions: all else of the call is deleted when this is thrown. */
export class VersionsLeft extends Error {
  override readonly name = 'VersionsLeft';

  constructor(cause: unknown) {
    super('versions are left: an owner of the data (Storage Blob Data Owner) deletes them with calls erase --resume', {
      cause,
    });
  }
}

/** All versions and snapshots; Azurite, which keeps no versions, passes over what it does not know. */
const EVERYTHING = { includeMetadata: true, includeSnapshots: true, includeVersions: true };

/**
 * Takes the names of a call, for every agent that it was of: an empty blob that says when it was erased, also where nothing was
 * stored. Whatever is delivered later meets it and is not kept.
 *
 * @returns how many blobs they have replaced.
 */
export async function putTombstones(storage: Attempts, areas: StorageAreas, erasure: Erasure): Promise<number> {
  let replaced = 0;
  const { transcripts, audio, callFailures } = areas;
  for (const agentId of erasure.agent_ids) {
    const stem = stemOf({ agentId, conversationId: erasure.conversation_id });
    const names = [
      { path: transcripts, extension: 'json' },
      { path: transcripts, extension: 'otel.json' },
      { path: audio, extension: 'mp3' },
      { path: callFailures, extension: 'json' },
    ];
    for (const { path, extension } of names) {
      const name = `${path.prefix}${stem}${extension}`;
      if (await putTombstone(storage, path.container, name, erasure.requested_at)) replaced++;
    }
  }
  return replaced;
}

async function putTombstone(storage: Attempts, container: string, name: string, erasedAt: string): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    try {
      const standing = await metadataOf(storage, container, name);
      if (standing !== undefined && isTombstone(standing)) return false;
      await storage.attempt(container, (client, abortSignal) =>
        client.getBlockBlobClient(name).upload('', 0, { abortSignal, metadata: tombstone(erasedAt) }),
      );
      return standing !== undefined;
    } catch (error) {
      // A recording is being copied to this name just now.
      if (!isAlreadyThere(error) || tries === COPY_TRIES) throw error;
      await sleep(COPY_WAIT_MS);
    }
  }
}

async function metadataOf(
  storage: Attempts,
  container: string,
  name: string,
): Promise<Record<string, string> | undefined> {
  try {
    const { metadata = {} } = await storage.attempt(container, (client, abortSignal) =>
      client.getBlobClient(name).getProperties({ abortSignal }),
    );
    return metadata;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/**
 * Deletes everything of these calls but their tombstones: what is beside them, versions, snapshots, samples, and by the ids in
 * its metadata what is in quarantine, in `incoming` and among other events.
 *
 * @returns how many blobs, versions and snapshots were deleted.
 * @throws {VersionsLeft} when all is deleted that may be.
 */
export async function eraseBlobs(
  storage: Attempts,
  areas: StorageAreas,
  erasures: readonly Erasure[],
): Promise<number> {
  let deleted = 0;
  let left: VersionsLeft | undefined;
  for (const { where, matches } of placesOf(areas, erasures)) {
    try {
      deleted += await purge(storage, where, matches);
    } catch (error) {
      if (!(error instanceof VersionsLeft)) throw error;
      left = error;
    }
  }
  if (left !== undefined) throw left;
  return deleted;
}

/** What is stored of calls that were erased: it was restored, or was delivered in a moment when no tombstone was there. */
export async function findReturned(
  storage: Attempts,
  areas: StorageAreas,
  erasures: readonly Erasure[],
): Promise<{ readonly blob: string; readonly conversationId: string }[]> {
  const found: { blob: string; conversationId: string }[] = [];
  for (const { where, matches, conversationId } of placesOf(areas, erasures)) {
    for await (const item of listBlobs(storage, where)) {
      if (!matches(item) || isTombstone(item.metadata ?? {})) continue;
      const id = conversationId ?? item.metadata?.['conversation_id'] ?? '';
      found.push({ blob: `${where.container}/${item.name}`, conversationId: id });
    }
  }
  return found;
}

interface Place {
  readonly where: Where;
  readonly matches: Matches;
  /** Of whom everything there is; undefined where several are looked for by their ids. */
  readonly conversationId?: string;
}

function placesOf(areas: StorageAreas, erasures: readonly Erasure[]): Place[] {
  const { transcripts, audio, callFailures, samples, quarantine, incoming, otherEvents } = areas;
  const named = erasures.flatMap(({ conversation_id: conversationId, agent_ids }) =>
    agent_ids.flatMap((agentId) =>
      [transcripts, audio, callFailures, samples].map(({ container, prefix }) => ({
        where: { container, prefix: prefix + stemOf({ agentId, conversationId }) },
        matches: () => true,
        conversationId,
      })),
    ),
  );
  const ids = new Set(erasures.map(({ conversation_id }) => conversation_id));
  const matches: Matches = ({ metadata }) => ids.has(metadata?.['conversation_id'] ?? '');
  return [...named, ...[quarantine, incoming, otherEvents].map((where) => ({ where, matches }))];
}

/** Deletes what matches below a prefix, with all its versions and snapshots; a tombstone stays, without its past. */
export async function purge(storage: Attempts, where: Where, matches: Matches = () => true): Promise<number> {
  let deleted = 0;
  for (let round = 1; ; round++) {
    const items: BlobItem[] = [];
    for await (const item of listBlobs(storage, where, EVERYTHING)) {
      if (matches(item) && !isStandingTombstone(item)) items.push(item);
    }
    if (items.length === 0) return deleted;
    if (round > ROUNDS)
      throw new Error(`Blobs below ${where.container}/${where.prefix} come back while they are deleted.`);
    let left: VersionsLeft | undefined;
    for (const item of items) {
      try {
        if (await remove(storage, where.container, item)) deleted++;
      } catch (error) {
        if (!isForbidden(error) || item.versionId === undefined || item.isCurrentVersion) throw error;
        left = new VersionsLeft(error);
      }
    }
    if (left !== undefined) throw left;
  }
}

function isForbidden(error: unknown): boolean {
  const cause = error instanceof StorageUnavailable ? error.cause : error;
  return cause instanceof RestError && cause.statusCode === 403;
}

function isStandingTombstone({ metadata, snapshot, versionId, isCurrentVersion }: BlobItem): boolean {
  const isCurrent = !snapshot && (versionId === undefined || isCurrentVersion === true);
  return isCurrent && isTombstone(metadata ?? {});
}

async function remove(
  storage: Attempts,
  container: string,
  { name, snapshot, versionId, isCurrentVersion }: BlobItem,
): Promise<boolean> {
  try {
    await storage.attempt(container, (client, abortSignal) => {
      const blob = client.getBlobClient(name);
      if (snapshot) return blob.withSnapshot(snapshot).delete({ abortSignal });
      if (versionId !== undefined && isCurrentVersion !== true)
        return blob.withVersion(versionId).delete({ abortSignal });
      return blob.delete({ abortSignal, deleteSnapshots: 'include' });
    });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false; // gone with its blob, or by somebody else
    throw error;
  }
}
