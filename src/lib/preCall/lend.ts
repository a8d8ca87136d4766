import { createHash } from 'node:crypto';
import { ElevenLabsError } from '../elevenlabs/errors.ts';
import type { Agent } from '../elevenlabs/schemas.ts';
import { pause } from './clone.ts';
import { type AgentState, agents, type Claim, isAlive } from './records.ts';
import type { StateRecord } from './state.ts';
import { callOf, type PreCallWorld, type Work } from './world.ts';

export interface Loan {
  readonly agentId: string;
  readonly conversation: string;
  readonly voiceId: string;
  readonly firstMessage: string;
  readonly expiresAt: number;
  readonly claim: Claim;
}

const POLL_MS = 100;
const LONGEST_HISTORY = 20;
const NOTHING_LENT: AgentState = { own: null, set: [], lease: null, claim: null };

/**
 * Gives the agent a caller's voice and greeting in one change, one caller at a time. What the agent had of its own is
 * recorded before anything is changed, so that it can be given back whatever happens in between.
 *
 * @throws {ElevenLabsError} when the agent could not be read or changed.
 */
export async function lendToAgent(world: PreCallWorld, work: Work, loan: Loan): Promise<void> {
  let record = await claimAgent(world, work, loan);
  try {
    const current = await world.elevenLabs.getAgent(loan.agentId, callOf(work));
    const lent = withLoan(record.value, current, loan);
    record = (await world.state.replace(agents, record, { ...lent, claim: loan.claim })) ?? lostClaim();
    const after = await world.elevenLabs.patchAgent(loan, callOf(work));
    record = { ...record, value: { ...record.value, set: withChange(record.value.set, after) } };
  } finally {
    // Best effort: a claim that stays counts for nothing once its delivery has ended.
    if (record.value.own === null) await world.state.remove(agents, record).catch(() => {});
    else await world.state.replace(agents, record, { ...record.value, claim: null }).catch(() => {});
  }
}

async function claimAgent(world: PreCallWorld, work: Work, { agentId, claim }: Loan): Promise<StateRecord<AgentState>> {
  for (;;) {
    const { isNew, record } = await world.state.create(agents, agentId, { ...NOTHING_LENT, claim });
    if (isNew) return record;
    const held = record.value.claim;
    if (held === null || !(await isAlive(world.state, held, world.now))) {
      const taken = await world.state.replace(agents, record, { ...record.value, claim });
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
    claim: null,
  };
}

type AgentVoice = Pick<Agent, 'voiceId' | 'firstMessage'>;

function withChange(set: AgentState['set'], { voiceId, firstMessage }: AgentVoice): AgentState['set'] {
  const change = { voice_id: voiceId ?? '', first_message_sha256: hashOf(firstMessage ?? '') };
  return [...set.filter((known) => !isSame(known, change)), change].slice(-LONGEST_HISTORY);
}

/**
 * Gives the agent its own voice and greeting back and forgets the loan; leaves an agent alone that somebody else has changed
 * since. Returns false when a delivery is at work on the agent: then it is not the time.
 */
export async function restoreAgent(
  world: PreCallWorld,
  work: Work,
  record: StateRecord<AgentState>,
  claimMs: number,
): Promise<boolean> {
  const { own, claim } = record.value;
  if (claim !== null && (await isAlive(world.state, claim, world.now))) return false;
  const ours = { by: work.id, until: world.now() + claimMs };
  const claimed = await world.state.replace(agents, record, { ...record.value, claim: ours });
  if (claimed === undefined) return false;
  try {
    const current = await world.elevenLabs.getAgent(record.name, callOf(work));
    if (own !== null && isOurChange(record.value, current)) {
      const agentId = record.name;
      await world.elevenLabs.patchAgent(
        { agentId, voiceId: own.voice_id, firstMessage: own.first_message },
        callOf(work),
      );
    }
  } catch (error) {
    const isGone = error instanceof ElevenLabsError && error.reason === 'not_found';
    if (!isGone) throw error;
  }
  return world.state.remove(agents, claimed);
}

function isOurChange({ set }: AgentState, current: Agent): boolean {
  const standing = { voice_id: current.voiceId ?? '', first_message_sha256: hashOf(current.firstMessage ?? '') };
  return set.some((change) => isSame(change, standing));
}

function isSame(one: AgentState['set'][number], other: AgentState['set'][number]): boolean {
  return one.voice_id === other.voice_id && one.first_message_sha256 === other.first_message_sha256;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function lostClaim(): never {
  throw new Error('Another delivery took over the agent in the middle of its change.');
}
