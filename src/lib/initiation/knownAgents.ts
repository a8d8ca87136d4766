import type { AgentRulesApi } from '../elevenlabs/agentRulesApi.ts';
import type { StoragePath } from '../settings/storagePath.ts';
import type { Attempts } from '../storage/blobStorage.ts';
import type { Upkeep } from '../storage/proof.ts';
import { type StateRecord, StateStore } from '../storage/stateStore.ts';
import { type AgentRecord, agentRecords, isInUse, isSeenLongAgo, isStale, newAgentRecord } from './agentRecord.ts';

export interface KnownAgentsOptions {
  /** No delivery writes here: what is kept is ElevenLabs' own answer, under the id that an authenticated caller has asked for. */
  readonly authority: Upkeep;
  readonly storage: Attempts;
  /** `STATE_STORAGE_PATH`. */
  readonly path: StoragePath;
  /** Undefined without a key: then nothing new becomes known. */
  readonly api: AgentRulesApi | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** An agent's record; undefined while there is none. */
export type KnownAgent = StateRecord<AgentRecord> | undefined;

/** For what nobody waits for. */
const ASIDE_MS = 10_000;
/** Per process; an agent is some hundred bytes. */
const MOST_REMEMBERED = 1_000;

/**
 * What agents allow and demand. It is kept in storage, so that an instance that has just started knows it; ElevenLabs is
 * asked by the sweep, and beside an answer as long as that takes.
 */
export class KnownAgents {
  readonly api: AgentRulesApi | undefined;
  readonly #options: KnownAgentsOptions;
  readonly #busy = new Set<string>();
  readonly #remembered = new Map<string, AgentRecord>();

  constructor(options: KnownAgentsOptions) {
    this.#options = options;
    this.api = options.api;
  }

  async read(agentId: string, signal: AbortSignal): Promise<KnownAgent> {
    const known = await this.#stateUntil(signal).read(agentRecords, agentId);
    if (known !== undefined) this.#remember(agentId, known.value);
    return known;
  }

  /** What was last read of it by this process, for when storage does not answer: it may be of any age. */
  remembered(agentId: string): AgentRecord | undefined {
    return this.#remembered.get(agentId);
  }

  /** Writes down that the agent is in use, unless that is known well enough. Nobody waits for it, and it may fail. */
  async noteSeen(agentId: string, known: KnownAgent): Promise<void> {
    const now = this.#options.now();
    if (known !== undefined && !isSeenLongAgo(known.value, now)) return;
    await this.#once(`seen ${agentId}`, async () => {
      const state = this.#stateUntil(AbortSignal.timeout(ASIDE_MS));
      if (known === undefined) await state.create(agentRecords, agentId, newAgentRecord(now));
      else await state.replace(agentRecords, known, { ...known.value, seen_at: new Date(now).toISOString() });
    });
  }

  /**
   * Asks ElevenLabs when what is known is older than five minutes, and writes it down.
   *
   * @throws {ElevenLabsError} and {StorageUnavailable}; also when the signal has fired.
   */
  async refresh(agentId: string, known: KnownAgent, signal: AbortSignal): Promise<void> {
    const { api } = this.#options;
    const now = this.#options.now();
    if (api === undefined || (known !== undefined && !isStale(known.value, now))) return;
    await this.#once(`read ${agentId}`, async () => {
      const { allows, demands } = await api.rulesOf(agentId, { signal });
      const seenAt = known?.value.seen_at ?? new Date(now).toISOString();
      const value = {
        seen_at: seenAt,
        read_at: new Date(now).toISOString(),
        allows: [...allows],
        demands: [...demands],
      };
      const state = this.#stateUntil(signal);
      if (known !== undefined) await state.replace(agentRecords, known, value);
      else await state.create(agentRecords, agentId, value);
      this.#remember(agentId, value);
    });
  }

  /** The agents that calls were about within 30 days, in no order. */
  async *inUse(signal: AbortSignal): AsyncGenerator<StateRecord<AgentRecord>, void, undefined> {
    const state = this.#stateUntil(signal);
    for (const { name } of await state.list(agentRecords)) {
      const known = await state.read(agentRecords, name);
      if (known !== undefined && isInUse(known.value, this.#options.now())) yield known;
    }
  }

  #stateUntil(signal: AbortSignal): StateStore {
    return new StateStore(this.#options.authority, this.#options.storage.until(signal), this.#options.path);
  }

  /** At most one of a kind at a time in this process: fifty calls at once need no fifty requests. */
  async #once(what: string, work: () => Promise<void>): Promise<void> {
    if (this.#busy.has(what)) return;
    this.#busy.add(what);
    try {
      await work();
    } finally {
      this.#busy.delete(what);
    }
  }

  #remember(agentId: string, value: AgentRecord): void {
    this.#remembered.delete(agentId);
    this.#remembered.set(agentId, value);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > MOST_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
  }
}
