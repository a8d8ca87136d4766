import * as z from 'zod/mini';
import type { RecordKind, StateRecord, StateStore } from '../storage/stateStore.ts';

/** A call by its id, and when it began, in Unix seconds. */
const known = z.object({ id: z.string(), started: z.number() });

const agentProgress = z.object({
  /** By ElevenLabs' clock, Unix seconds: every call that began until then was seen. */
  seen_until: z.number(),
  /** Calls that began before this are from before reconciliation was there. */
  backfill_until: z.number(),
  /** By our clock, Unix seconds: when the listing was last gone through to its end, or when that was begun for the first time. */
  complete_at: z.number(),
  /** Seen, and not at their end: still going on, just ended, or not to be had yet, and then what of them. */
  open: z.array(z.extend(known, { failed: z.nullable(z.enum(['transcript', 'audio', 'failure'])) })),
  /** Need no further look; only those that the next listing has again. */
  settled: z.array(known),
});
export type AgentProgress = z.infer<typeof agentProgress>;

const progress = z.object({
  /** What was seen at one host says nothing about another: workspaces, agents and keys are its own. */
  host: z.string(),
  /** Whose turn it is: one run at a time, unless that one has died. Milliseconds since 1970. */
  lease: z.nullable(z.object({ by: z.string(), until: z.number() })),
  agents: z.record(z.string(), agentProgress),
});
type ProgressRecord = z.infer<typeof progress>;

const records: RecordKind<ProgressRecord> = { folder: 'reconcile', schema: progress };
const NAME = 'progress';

/** Another run has taken over: whatever this one writes would be about what is no longer so. */
export class LeaseLost extends Error {}

/** How far reconciliation has come, written down again and again by the one run that holds the lease. */
export class Progress {
  readonly #state: StateStore;
  #record: StateRecord<ProgressRecord>;

  private constructor(state: StateStore, record: StateRecord<ProgressRecord>) {
    this.#state = state;
    this.#record = record;
  }

  /** Undefined while another run holds the lease. */
  static async take(
    state: StateStore,
    { host, by, until, now }: { host: string; by: string; until: number; now: number },
  ): Promise<Progress | undefined> {
    const lease = { by, until };
    const { isNew, record } = await state.create(records, NAME, { host, lease, agents: {} });
    if (isNew) return new Progress(state, record);
    const { value } = record;
    if (value.lease !== null && value.lease.until > now && value.lease.by !== by) return undefined;
    const agents = value.host === host ? value.agents : {};
    const taken = await state.replace(records, record, { host, lease, agents });
    return taken && new Progress(state, taken);
  }

  /** Undefined for one whose calls were never looked at. */
  of(agentId: string): AgentProgress | undefined {
    return this.#record.value.agents[agentId];
  }

  /** @throws {LeaseLost} */
  async note(agentId: string, progress: AgentProgress): Promise<void> {
    const { agents, ...others } = this.#record.value;
    await this.#write({ ...others, agents: { ...agents, [agentId]: progress } });
  }

  async release(): Promise<void> {
    await this.#write({ ...this.#record.value, lease: null });
  }

  async #write(value: ProgressRecord): Promise<void> {
    const written = await this.#state.replace(records, this.#record, value);
    if (written === undefined) throw new LeaseLost('Another run has taken over.');
    this.#record = written;
  }
}
