import { conversations, voices } from '../preCall/state/records.ts';
import type { StoragePath } from '../settings/storagePath.ts';
import type { Attempts } from '../storage/blobStorage.ts';
import { listBlobs } from '../storage/listBlobs.ts';
import { upkeep } from '../storage/proof.ts';
import { StateStore } from '../storage/stateStore.ts';

/** What pre-call has written down of a conversation. */
export interface PreCallRecord {
  readonly conversationId: string;
  readonly agentId: string;
  readonly sample: string;
  readonly caller: string | undefined;
  readonly voiceId: string | undefined;
}

/** What pre-call knows of conversations, and of the clones of their samples. */
export async function preCallRecords(storage: Attempts, path: StoragePath): Promise<PreCallRecord[]> {
  const state = new StateStore(upkeep(), storage, path);
  const found: PreCallRecord[] = [];
  const { container, prefix } = path;
  const folder = `${prefix}${conversations.folder}/`;
  for await (const { name } of listBlobs(storage, { container, prefix: folder })) {
    const conversationId = name.slice(folder.length).replace(/\.json$/, '');
    const value = (await state.read(conversations, conversationId))?.value;
    if (value === undefined) continue;
    const { agent_id: agentId, sample_sha256: sample, caller, answer } = value;
    const voice = answer?.voice_id ?? (await voiceOf(state, sample));
    found.push({ conversationId, agentId, sample, caller, voiceId: voice });
  }
  return found;
}

async function voiceOf(state: StateStore, sample: string): Promise<string | undefined> {
  const value = (await state.read(voices, sample))?.value;
  return value === undefined || value.state === 'cloning' ? undefined : value.voice_id;
}
