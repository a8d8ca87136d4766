import type { Agent } from '../../elevenlabs/schemas.ts';
import type { StateRecord } from '../../storage/stateStore.ts';
import { type AgentState, agents, type Claim, isAlive, NOTHING_LENT } from '../state/records.ts';
import { pause } from '../voice/clone.ts';
import { callOf, type PreCallWorld, type Work } from '../world.ts';
import { changeOf, isOurChange, isSame, withChange } from './agentChange.ts';

export interface Loan {
  readonly agentId: string;
  readonly conversation: string;
  readonly voiceId: string;
  readonly firstMessage: string;
  readonly expiresAt: number;
  readonly claim: Claim;
}

/** An agent that nobody is at work on: its record, undefined when there is none, and after that the agent itself. */
export interface AgentAtRest {
  readonly record: StateRecord<AgentState> | undefined;
  readonly current: Agent;
}

/** A change that has been made; the agent stays claimed until `release`, which never fails. */
export interface Lent {
  release(): Promise<void>;
}

const POLL_MS = 100;

/**
 * Looks at an agent whose record is known, perhaps from a while ago. Undefined when somebody is at work on it.
 *
 * @throws {ElevenLabsError}
 */
export async function lookAtAgent(
  world: PreCallWorld,
  work: Work,
  agentId: string,
  record: StateRecord<AgentState> | undefined,
): Promise<AgentAtRest | undefined> {
  const held = record?.value.claim ?? null;
  if (held !== null && (await isAlive(world.state, held, world.now))) return undefined;
  return { record, current: await world.elevenLabs.getAgent(agentId, callOf(work)) };
}

/**
 * Gives the agent a caller's voice and greeting in one change, one caller at a time. What the agent had of its own is
 * recorded before anything is changed, so that it can be given back whatever happens in between.
 *
 * @param seen saves a round trip when the agent's record is still the same; otherwise the loan waits for its turn.
 * @throws {ElevenLabsError} when the agent could not be read or changed.
 */
export async function lendToAgent(
  world: PreCallWorld,
  work: Work,
  loan: Loan,
  seen: AgentAtRest | undefined,
): Promise<Lent> {
  let record = (seen && (await intend(world, seen, loan))) ?? (await intendInTurn(world, work, loan));
  const release = () => letGo(world, record);
  try {
    const after = await world.elevenLabs.patchAgent(loan, callOf(work));
    const set = withChange(record.value.set, after);
    if (!isSame(changeOf(after), changeOf(loan))) {
      // To be known before the next caller finds it on the agent and takes it for the agent's own.
      const known = await world.state.replace(agents, record, { ...record.value, set }).catch(() => undefined);
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
  world: PreCallWorld,
  { record, current }: AgentAtRest,
  loan: Loan,
): Promise<StateRecord<AgentState> | undefined> {
  const lent = withLoan(record?.value ?? NOTHING_LENT, current, loan);
  if (record !== undefined) return world.state.replace(agents, record, lent);
  const created = await world.state.create(agents, loan.agentId, lent);
  return created.isNew ? created.record : undefined;
}

/** The same for an agent that others want, too: claimed first, so that each of them asks ElevenLabs for it once. */
async function intendInTurn(world: PreCallWorld, work: Work, loan: Loan): Promise<StateRecord<AgentState>> {
  const record = await claimAgent(world, work, loan);
  try {
    const current = await world.elevenLabs.getAgent(loan.agentId, callOf(work));
    return (await intend(world, { record, current }, loan)) ?? lostClaim();
  } catch (error) {
    await letGo(world, record);
    throw error;
  }
}

/** Best effort: a claim that stays counts for nothing once its delivery has ended. */
async function letGo(world: PreCallWorld, record: StateRecord<AgentState>): Promise<void> {
  await world.state.replace(agents, record, { ...record.value, claim: null }).catch(() => {});
}

async function claimAgent(
  { state, now }: PreCallWorld,
  work: Work,
  { agentId, claim }: Loan,
): Promise<StateRecord<AgentState>> {
  for (;;) {
    const record = await state.read(agents, agentId);
    const held = record?.value.claim ?? null;
    if (record === undefined) {
      const created = await state.create(agents, agentId, { ...NOTHING_LENT, claim });
      if (created.isNew) return created.record;
    } else if (held === null || !(await isAlive(state, held, now))) {
      const taken = await state.replace(agents, record, { ...record.value, claim });
      if (taken !== undefined) return taken;
    } else await pause(POLL_MS, work.signal);
  }
}

/** The agent's own voice and greeting stay those of before the first loan, unless somebody has changed the agent since. */
function withLoan(before: AgentState, current: Agent, loan: Loan): AgentState {
  const isOurs = before.own !== null && isOurChange(before, current);
  return {
    own: isOurs ? before.own : { voice_id: current.voiceId ?? null, first_message: current.firstMessage ?? null },
    // A change whose answer was lost may still come true, so earlier ones are not forgotten.
    set: withChange(before.set, loan),
    lease: { conversation: loan.conversation, expires_at: loan.expiresAt },
    claim: loan.claim,
  };
}

function lostClaim(): never {
  throw new Error('Another delivery took over the agent in the middle of its change.');
}
