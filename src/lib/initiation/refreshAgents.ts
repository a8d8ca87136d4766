import { ElevenLabsError, type Reason } from '../elevenlabs/errors.ts';
import type { StateRecord } from '../storage/stateStore.ts';
import type { Log } from '../telemetry/log.ts';
import type { AgentRecord } from './agentRecord.ts';
import type { KnownAgents } from './knownAgents.ts';

/** Well within the time that the timer's function may take. */
const LIMIT_MS = 60_000;
const AT_ONCE = 4;
/** It would be the same for every other agent. */
const OF_THE_KEY: ReadonlySet<Reason> = new Set(['invalid_api_key', 'missing_permission']);

/**
 * What the sweep does for the initiation webhook: asks ElevenLabs again what the agents in use allow and demand, when that is
 * older than five minutes. Of one that cannot be read it stays what it was, which soon counts for nothing: a line says so, and
 * the sweep goes on.
 *
 * @throws {StorageUnavailable} when storage does not say which agents are in use.
 */
export async function refreshAgents(agents: KnownAgents, log: Log): Promise<void> {
  if (agents.api === undefined) return;
  const limit = AbortSignal.timeout(LIMIT_MS);
  const inUse = agents.inUse(limit);
  let isOver = false;
  const work = async () => {
    for (let next = await inUse.next(); next.done !== true && !isOver; next = await inUse.next()) {
      const reason = await refresh(agents, next.value, limit);
      if (reason === undefined || isOver) continue;
      log.write('WARNING', 'sweep', { outcome: 'failed', what: 'agent', agent: next.value.name, reason });
      isOver = OF_THE_KEY.has(reason as Reason) || limit.aborted;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** Why it could not be read; undefined when it was, or need not be. */
async function refresh(
  agents: KnownAgents,
  known: StateRecord<AgentRecord>,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    await agents.refresh(known.name, known, signal);
    return undefined;
  } catch (error) {
    return error instanceof ElevenLabsError ? error.reason : 'storage_unavailable';
  }
}
