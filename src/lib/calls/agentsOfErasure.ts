import { idSchema } from '../ids.ts';
import type { StorageAreas } from '../settings/storageAreas.ts';
import type { Attempts } from '../storage/blobStorage.ts';
import { listFolders } from '../storage/listBlobs.ts';
import type { Erasure } from './erasureRecord.ts';

/** For so many the names of a call are taken when nobody knows whose it is. */
const MOST_AGENTS = 50;

/** Nothing is stored of a call, and it may be of more agents than names can be taken for. */
export class AgentNeeded extends Error {
  override readonly name = 'AgentNeeded';

  constructor(conversationId: string, agents: number) {
    super(`Nothing is stored of ${conversationId}, and ${agents} agents send calls: whose it is has to be said.`);
  }
}

/**
 * Of a call of which nothing is stored yet nobody knows the agent: the names are taken for every agent that has ever sent one,
 * and deliveries of others ask the record, see `ErasedCalls`.
 *
 * @throws {AgentNeeded} for more than 50.
 */
export async function anyAgents(storage: Attempts, areas: StorageAreas, conversationId: string): Promise<string[]> {
  const agents = await agentsThatSend(storage, areas);
  if (agents.length > MOST_AGENTS) throw new AgentNeeded(conversationId, agents.length);
  return agents;
}

/** The agents of which something is stored. */
async function agentsThatSend(storage: Attempts, areas: StorageAreas): Promise<string[]> {
  const { transcripts, audio, callFailures } = areas;
  const folders = await Promise.all([transcripts, audio, callFailures].map((path) => listFolders(storage, path)));
  return [...new Set(folders.flat())].filter((agent) => idSchema.safeParse(agent).success);
}

/** The same erasures; those of calls whose agent nobody knew with all agents that send calls by now. */
export async function withAgents(
  storage: Attempts,
  areas: StorageAreas,
  erasures: readonly Erasure[],
): Promise<readonly Erasure[]> {
  if (!erasures.some(isOfAnyAgent)) return erasures;
  const agents = await agentsThatSend(storage, areas);
  return erasures.map((erasure) => {
    const all = [...new Set([...erasure.agent_ids, ...agents])];
    return isOfAnyAgent(erasure) && all.length <= MOST_AGENTS ? { ...erasure, agent_ids: all } : erasure;
  });
}

function isOfAnyAgent({ of_any_agent, agent_ids }: Erasure): boolean {
  return of_any_agent || agent_ids.length === 0;
}
