import type { BlobItem } from '@azure/storage-blob';
import type { StoragePath } from '../settings/storagePath.ts';
import type { Attempts } from '../storage/blobStorage.ts';
import { listBlobs } from '../storage/listBlobs.ts';

/** One body in quarantine: whole in one blob, or in the parts that it was split into when its audio was decoded. */
export interface Quarantined {
  readonly container: string;
  /** `body` is a whole one; a part of another one may have been lost. */
  readonly blobs: Readonly<Partial<Record<PartName, StoredPart>>>;
  /** The sha256 by which its blobs are named. */
  readonly hash: string;
  readonly storedAt: Date;
  /** The same for all parts, but for the sha256 of their own bytes. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface StoredPart {
  readonly name: string;
  /** Of its bytes, by its metadata. */
  readonly sha256: string;
}

type PartName = 'body' | 'around' | 'audio' | 'undecoded';

/** As `placeInQuarantine` names them. */
const PARTS: readonly (readonly [string, PartName])[] = [
  ['.around.json', 'around'],
  ['.mp3', 'audio'],
  ['.remainder.bin', 'undecoded'],
];

/**
 * What is in quarantine, body by body, in the order of reasons, dates and hashes.
 *
 * @param reason only what is there for this reason.
 */
export async function* listQuarantine(
  storage: Attempts,
  { container, prefix }: StoragePath,
  reason?: string,
): AsyncGenerator<Quarantined, void, undefined> {
  let current: { stem: string; items: BlobItem[] } | undefined;
  const folder = reason === undefined ? prefix : `${prefix}${reason}/`;
  for await (const item of listBlobs(storage, { container, prefix: folder })) {
    const stem = stemOf(item.name);
    if (current?.stem === stem) {
      current.items.push(item);
      continue;
    }
    if (current !== undefined) yield* bodiesOf(container, current.items);
    current = { stem, items: [item] };
  }
  if (current !== undefined) yield* bodiesOf(container, current.items);
}

/** Whether a blob in quarantine is a part of a body whose audio was taken out of it. */
export function isPart(name: string): boolean {
  return PARTS.some(([extension]) => name.endsWith(extension));
}

/** Container and name by which people know it: of the whole body, or of the JSON around its audio. */
export function nameOf({ container, blobs }: Quarantined): string {
  const { body, around, audio, undecoded } = blobs;
  return `${container}/${(body ?? around ?? audio ?? undecoded)?.name}`; // there is one
}

function* bodiesOf(container: string, items: readonly BlobItem[]): Generator<Quarantined> {
  const parts = new Map<PartName, BlobItem>();
  for (const item of items) {
    const part = PARTS.find(([extension]) => item.name.endsWith(extension))?.[1] ?? 'body';
    if (part === 'body') yield bodyOf(container, new Map([[part, item]]));
    else parts.set(part, item);
  }
  if (parts.size > 0) yield bodyOf(container, parts);
}

function bodyOf(container: string, parts: ReadonlyMap<PartName, BlobItem>): Quarantined {
  const blobs = Object.fromEntries(
    [...parts].map(([part, { name, metadata }]) => [part, { name, sha256: metadata?.['sha256'] ?? 'none' }]),
  );
  const [any] = parts.values();
  const { name, metadata = {}, properties } = parts.get('around') ?? (any as BlobItem); // there is one
  const storedAt = properties.createdOn ?? properties.lastModified;
  return { container, blobs, hash: stemOf(name).slice(name.lastIndexOf('/') + 1), storedAt, metadata };
}

/** Up to the first dot of the last part: hashes hold none. */
function stemOf(name: string): string {
  const dot = name.indexOf('.', name.lastIndexOf('/') + 1);
  return dot === -1 ? name : name.slice(0, dot);
}
