import type { BlobItem } from '@azure/storage-blob';
import type { StorageAreas } from '../settings/storageAreas.ts';
import type { StoragePath } from '../settings/storagePath.ts';
import type { Attempts } from '../storage/blobStorage.ts';
import { isTombstone } from '../storage/erasures.ts';
import { listBlobs, listFolders } from '../storage/listBlobs.ts';
import { readBlobName, stemOf } from './blobName.ts';
import type { CallBlob, StoredForm } from './call.ts';

export type CallAreas = Pick<StorageAreas, 'transcripts' | 'audio' | 'callFailures' | 'quarantine'>;

/** What is stored of one conversation of one agent. */
export interface StoredCall {
  readonly agentId: string;
  readonly conversationId: string;
  readonly blobs: readonly CallBlob[];
}

interface Group extends StoredCall {
  readonly stem: string;
}

/**
 * Everything that is stored, conversation by conversation, in the order of agents and ids: one listing with metadata of each
 * area, side by side. Nothing is held but a page of each, and what is in quarantine with readable ids. Tombstones of erased
 * calls (metadata `erased_at`) are passed over.
 *
 * @param agentId only calls of this agent: then only its folder is listed.
 */
export async function* listCalls(
  storage: Attempts,
  areas: CallAreas,
  { agentId }: { readonly agentId?: string | undefined } = {},
): AsyncGenerator<StoredCall, void, undefined> {
  const folder = agentId === undefined ? '' : `${agentId}/`;
  const quarantined = await listQuarantined(storage, areas.quarantine);
  const lists = sourcesOf(areas).map((source) => groups(storage, source, folder));
  for await (const { stem, ...call } of merged(lists)) {
    const more = quarantined.get(stem)?.blobs ?? [];
    quarantined.delete(stem);
    yield { ...call, blobs: [...call.blobs, ...more] };
  }
  for (const call of quarantined.values()) if (agentId === undefined || call.agentId === agentId) yield call;
}

/** What is stored under one conversation's id; of several agents, should two have used it. */
export async function findStored(
  storage: Attempts,
  areas: CallAreas,
  { conversationId, agentId }: { readonly conversationId: string; readonly agentId?: string | undefined },
): Promise<StoredCall[]> {
  const quarantined = await listQuarantined(storage, areas.quarantine);
  const found = new Map<string, StoredCall>();
  const add = (call: StoredCall) => {
    const stem = stemOf(call);
    found.set(stem, { ...call, blobs: [...(found.get(stem)?.blobs ?? []), ...call.blobs] });
  };
  for (const source of sourcesOf(areas)) {
    const agents = agentId === undefined ? await listFolders(storage, source.path) : [agentId];
    for (const agent of agents) {
      const stem = stemOf({ agentId: agent, conversationId });
      for await (const group of groups(storage, source, stem)) add(group);
    }
  }
  for (const call of quarantined.values()) {
    if (call.conversationId === conversationId && (agentId === undefined || call.agentId === agentId)) add(call);
  }
  return [...found.values()];
}

/** An area, or several of them that are one place. */
interface Source {
  readonly path: StoragePath;
  readonly holdsFailures: boolean;
}

function sourcesOf({ transcripts, audio, callFailures }: CallAreas): Source[] {
  const sources = new Map<string, Source>();
  for (const path of [transcripts, audio, callFailures]) {
    sources.set(`${path.container}/${path.prefix}`, { path, holdsFailures: path === callFailures });
  }
  return [...sources.values()];
}

async function* groups(
  storage: Attempts,
  { path, holdsFailures }: Source,
  below: string,
): AsyncGenerator<Group, void, undefined> {
  let current: { stem: string; agentId: string; conversationId: string; blobs: CallBlob[] } | undefined;
  const prefix = path.prefix + below;
  for await (const item of listBlobs(storage, { container: path.container, prefix })) {
    const named = readBlobName(item.name.slice(path.prefix.length));
    if (named === undefined || isTombstone(item.metadata ?? {})) continue;
    const stem = stemOf(named);
    if (current?.stem !== stem) {
      if (current !== undefined) yield current;
      current = { stem, agentId: named.agentId, conversationId: named.conversationId, blobs: [] };
    }
    const isFailure = holdsFailures && item.metadata?.['event_type'] !== 'post_call_transcription';
    const form = named.extension === 'mp3' ? 'recording' : named.extension === 'otel.json' ? 'otel' : 'transcript';
    current.blobs.push(
      toBlob(path.container, item, {
        isBeside: named.isBeside,
        form: form === 'transcript' && isFailure ? 'failure' : form,
      }),
    );
  }
  if (current !== undefined) yield current;
}

/**
 * Lists that are each in order, as one. Storage sorts by the bytes of names; ids hold neither dots nor slashes, so that the
 * beginnings of names, up to the first dot, are in that order, too.
 */
async function* merged(lists: AsyncGenerator<Group, void, undefined>[]): AsyncGenerator<Group, void, undefined> {
  const heads = await Promise.all(lists.map(async (list) => ({ list, head: (await list.next()).value })));
  for (;;) {
    const stems = heads.flatMap(({ head }) => (head === undefined ? [] : [head.stem]));
    const first = stems.sort((one, other) => (one < other ? -1 : 1))[0];
    if (first === undefined) return;
    const own = heads.filter(({ head }) => head?.stem === first);
    const [group] = own.flatMap(({ head }) => head ?? []);
    if (group === undefined) return;
    yield { ...group, blobs: own.flatMap(({ head }) => head?.blobs ?? []) };
    await Promise.all(
      own.map(async (source) => {
        source.head = (await source.list.next()).value;
      }),
    );
  }
}

/** What is in quarantine with readable ids, by conversation. */
async function listQuarantined(storage: Attempts, path: StoragePath): Promise<Map<string, StoredCall>> {
  const found = new Map<string, StoredCall>();
  for await (const item of listBlobs(storage, path)) {
    const { conversation_id: conversationId, agent_id: agentId } = item.metadata ?? {};
    if (conversationId === undefined || agentId === undefined) continue;
    const stem = stemOf({ agentId, conversationId });
    const blob = toBlob(path.container, item, { form: 'quarantine', isBeside: false });
    found.set(stem, { agentId, conversationId, blobs: [...(found.get(stem)?.blobs ?? []), blob] });
  }
  return found;
}

function toBlob(
  container: string,
  { name, properties, metadata = {} }: BlobItem,
  more: { readonly form: StoredForm; readonly isBeside: boolean },
): CallBlob {
  const { contentLength = 0, createdOn, lastModified } = properties;
  return { ...more, container, name, bytes: contentLength, storedAt: createdOn ?? lastModified, metadata };
}
