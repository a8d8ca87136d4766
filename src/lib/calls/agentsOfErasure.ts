import type { StorageAreas } from '../settings/storageAreas.ts';
import type { Attempts } from '../storage/blobStorage.ts';
import type { Erasure } from './erasureRecord.ts';
import { findStored } from './listCalls.ts';

/** The same erasure with the agents of what came meanwhile, when nobody knew an agent as it was written down. */
export async function withAgents(storage: Attempts, areas: StorageAreas, erasure: Erasure): Promise<Erasure> {
  if (erasure.agent_ids.length > 0) return erasure;
  const stored = await findStored(storage, areas, { conversationId: erasure.conversation_id });
  return { ...erasure, agent_ids: stored.map(({ agentId }) => agentId) };
}
