import type { BlobItem } from '@azure/storage-blob';
import { isPart, type Quarantined } from '../../../../src/lib/calls/listQuarantine.ts';
import { replayInPlace } from '../../../../src/lib/calls/replayInPlace.ts';
import { listBlobs } from '../../../../src/lib/storage/listBlobs.ts';
import type { QuarantinePage, Replayed, StoredBlob } from '../../../page/api.ts';
import type { StorageAccess } from '../../storageAccess.ts';
import { quarantineStore } from '../quarantine.ts';

const MOST_SHOWN = 1_000;

/** What is in quarantine, newest first. */
export async function quarantinePage({ storage, areas }: StorageAccess): Promise<QuarantinePage> {
  const { container } = areas.quarantine;
  const newest: StoredBlob[] = [];
  let total = 0;
  for await (const item of listBlobs(storage, areas.quarantine)) {
    total++;
    newest.push(toBlob(container, item));
    if (newest.length >= 2 * MOST_SHOWN) keepNewest(newest);
  }
  keepNewest(newest);
  return { items: newest, total };
}

function keepNewest(items: StoredBlob[]): void {
  items.sort((one, other) => (one.stored_at < other.stored_at ? 1 : -1));
  items.splice(MOST_SHOWN);
}

function toBlob(container: string, { name, properties, metadata = {} }: BlobItem): StoredBlob {
  return {
    blob: `${container}/${name}`,
    form: 'quarantine',
    bytes: properties.contentLength ?? 0,
    stored_at: (properties.createdOn ?? properties.lastModified).toISOString(),
    is_beside: false,
    is_part: isPart(name),
    metadata,
  };
}

/**
 * Replays one body in place, or all of them.
 *
 * @param blob `container/name`, as {@link quarantinePage} gives it; with a part go the others of its body.
 */
export async function replayQuarantined(access: StorageAccess, blob: string | undefined): Promise<Replayed[]> {
  const { container } = access.areas.quarantine;
  const name = blob?.startsWith(`${container}/`) ? blob.slice(container.length + 1) : undefined;
  if (blob !== undefined && name === undefined) return [];
  const replayed: Replayed[] = [];
  const isChosen = ({ blobs }: Quarantined) =>
    name === undefined || Object.values(blobs).some((part) => part.name === name);
  for await (const { outcome, hint, stored, ...one } of replayInPlace(quarantineStore(access), { isChosen })) {
    replayed.push({
      blob: one.blob,
      outcome,
      ...(stored === undefined ? {} : { stored }),
      ...(hint === undefined ? {} : { hint }),
    });
  }
  return replayed;
}
