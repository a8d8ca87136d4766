import type { Agent } from '../../elevenlabs/schemas.ts';
import type { StateRecord } from '../../storage/stateStore.ts';
import { callOf, type PreCallContext, type Work } from '../context.ts';
import { waitForLock } from '../pause.ts';
import { type AgentState, agents, isAlive, type Lock, NOTHING_LEASED } from '../state/records.ts';
import { changeOf, isOurChange, isSame, withChange } from './agentChange.ts';

export interface AgentLease {
  readonly agentId: string;
  readonly conversation: string;
  readonly voiceId: string;
  readonly firstMessage: string;
  readonly expiresAt: number;
  readonly lock: Lock;
}

/** An agent that nobody is at work on: its record, undefined when there is none, and after that the agent itself. */
export interface AgentAtRest {
  readonly record: StateRecord<AgentState> | undefined;
  readonly current: Agent;
}

/** A change that has been made; the agent stays locked until `release`, which never fails. */
export interface LeasedAgent {
  release(): Promise<void>;
}

/**
 * Looks at an agent whose record is known, perhaps from a while ago. Undefined when somebody is at work on it.
 *
 * @throws {ElevenLabsError}
 */
export async function lookAtAgent(
  context: PreCallContext,
  work: Work,
  agentId: string,
  record: StateRecord<AgentState> | undefined,
): Promise<AgentAtRest | undefined> {
  const held = record?.value.claim ?? null;
  if (held !== null && (await isAlive(context.state, held, context.now))) return undefined;
  return { record, current: await context.elevenLabs.getAgent(agentId, callOf(work)) };
}

/**
 * Gives the agent a caller's voice and greeting in one change, one caller at a time. What the agent had of its own is
 * recorded before anything is changed, so that it can be given back whatever happens in between.
 *
 * @param seen saves a round trip when the agent's record is still the same; otherwise the lease waits for its turn.
 * @throws {ElevenLabsError} when the agent could not be read or changed.
 */
export async function leaseAgent(
  context: PreCallContext,
  work: Work,
  lease: AgentLease,
  seen: AgentAtRest | undefined,
): Promise<LeasedAgent> {
  let record = (seen && (await intend(context, seen, lease))) ?? (await intendInTurn(context, work, lease));
  const release = () => unlock(context, record);
  try {
    const after = await context.elevenLabs.patchAgent(lease, callOf(work));
    const set = withChange(record.value.set, after);
    if (!isSame(changeOf(after), changeOf(lease))) {
      // To be known before the next caller finds it on the agent and takes it for the agent's own.
      const known = await context.state.replace(agents, record, { ...record.value, set }).catch(() => undefined);
      record = known ?? record;
    }
    return { release };
  } catch (error) {
    await release();
    throw error;
  }
}

/**
 * Records what is about to be changed, and by whom. Undefined when anybody has touched the record since the agent was seen:
 * whoever changes an agent writes its record first, and the record outlives every delivery that has not found it.
 */
async function intend(
  context: PreCallContext,
  { record, current }: AgentAtRest,
  lease: AgentLease,
): Promise<StateRecord<AgentState> | undefined> {
  const leased = withLease(record?.value ?? NOTHING_LEASED, current, lease);
  if (record !== undefined) return context.state.replace(agents, record, leased);
  const created = await context.state.create(agents, lease.agentId, leased);
  return created.isNew ? created.record : undefined;
}

/** The same for an agent that others want, too: locked first, so that each of them asks ElevenLabs for it once. */
async function intendInTurn(context: PreCallContext, work: Work, lease: AgentLease): Promise<StateRecord<AgentState>> {
  const record = await lockAgent(context, work, lease);
  try {
    const current = await context.elevenLabs.getAgent(lease.agentId, callOf(work));
    return (await intend(context, { record, current }, lease)) ?? lostLock();
  } catch (error) {
    await unlock(context, record);
    throw error;
  }
}

/** Best effort: a lock that stays counts for nothing once its delivery has ended. */
async function unlock(context: PreCallContext, record: StateRecord<AgentState>): Promise<void> {
  await context.state.replace(agents, record, { ...record.value, claim: null }).catch(() => {});
}

async function lockAgent(
  { state, now }: PreCallContext,
  work: Work,
  { agentId, lock }: AgentLease,
): Promise<StateRecord<AgentState>> {
  for (;;) {
    const record = await state.read(agents, agentId);
    const held = record?.value.claim ?? null;
    if (record === undefined) {
      const created = await state.create(agents, agentId, { ...NOTHING_LEASED, claim: lock });
      if (created.isNew) return created.record;
    } else if (held === null || !(await isAlive(state, held, now))) {
      const taken = await state.replace(agents, record, { ...record.value, claim: lock });
      if (taken !== undefined) return taken;
    } else await waitForLock('agent', work.signal);
  }
}

/** The agent's own voice and greeting stay those of before the first lease, unless somebody has changed the agent since. */
function withLease(before: AgentState, current: Agent, lease: AgentLease): AgentState {
  const isOurs = before.own !== null && isOurChange(before, current);
  return {
    own: isOurs ? before.own : { voice_id: current.voiceId ?? null, first_message: current.firstMessage ?? null },
    // A change whose answer was lost may still come true, so earlier ones are not forgotten.
    set: withChange(before.set, lease),
    lease: { conversation: lease.conversation, expires_at: lease.expiresAt },
    claim: lease.lock,
  };
}

function lostLock(): never {
  throw new Error('Another delivery took over the agent in the middle of its change.');
}
