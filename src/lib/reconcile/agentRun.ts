import type { ConversationPage } from '../elevenlabs/conversationSchemas.ts';
import { type CallToCheck, type Checked, checkCall } from './checkCall.ts';
import type { ReconcileContext, Run } from './context.ts';
import { NoTimeLeft } from './fetchCall.ts';
import { type Finding, ManyFailures } from './finding.ts';
import type { AgentProgress, Progress } from './progress.ts';
import type { Tally } from './tally.ts';

const DAY_SECONDS = 86_400;
/** Listings of calls are not promised to be complete at once, and clocks differ. */
const OVERLAP_SECONDS = 2 * 3600;
/** What is left of a run has to be enough to write down how far it has come. */
const LEAST_MS = 5_000;
/** So many calls in a row that cannot be fetched say that ElevenLabs is not well: the next run tries again. */
const MOST_FAILURES_IN_A_ROW = 5;

export interface AgentRunOptions {
  readonly agentId: string;
  readonly progress: Progress;
  readonly tally: Tally;
  readonly onFinding: (finding: Finding) => void;
  /** Days for which nobody has looked, when they are more than are looked back. */
  readonly onGap: (agentId: string, sinceSeconds: number) => void;
}

/** Goes through the calls of one agent since the last time. */
export class AgentRun {
  readonly #context: ReconcileContext;
  readonly #run: Run;
  readonly #options: AgentRunOptions;
  readonly #nowSeconds: number;
  readonly #oldestSeconds: number;
  readonly #open = new Map<string, AgentProgress['open'][number]>();
  readonly #settled = new Map<string, number>();
  readonly #seen = new Set<string>();
  /** What failed the last time comes last: it must not keep the others from being fetched, again and again. */
  readonly #deferred = new Map<string, CallToCheck>();
  #before: AgentProgress;
  #seenUntil: number;
  #isAscending = true;
  #lastStart = 0;
  #newest = 0;
  #failuresInARow = 0;

  constructor(context: ReconcileContext, run: Run, options: AgentRunOptions) {
    this.#context = context;
    this.#run = run;
    this.#options = options;
    this.#nowSeconds = Math.floor(context.now() / 1000);
    this.#oldestSeconds = this.#nowSeconds - context.settings.days * DAY_SECONDS;
    this.#before = options.progress.of(options.agentId) ?? this.#firstTime();
    this.#seenUntil = this.#before.seen_until;
    for (const call of this.#before.open) this.#open.set(call.id, call);
    for (const { id, started } of this.#before.settled) this.#settled.set(id, started);
  }

  /** @throws whatever ends the run; what was done until then is written down. */
  async run(): Promise<void> {
    const { complete_at: completeAt } = this.#before;
    if (completeAt < this.#oldestSeconds) {
      this.#options.onGap(this.#options.agentId, this.#before.seen_until);
      this.#before = { ...this.#before, complete_at: this.#nowSeconds }; // said once, however long catching up takes
    }
    try {
      const fromSeconds = this.#from();
      const { agentId } = this.#options;
      for await (const page of this.#context.api.pages({ agentId, fromSeconds }, { signal: this.#run.signal })) {
        await this.#page(page);
        await this.#note(this.#before.complete_at);
      }
      await this.#lookAtOthers();
    } catch (error) {
      await this.#note(this.#before.complete_at);
      throw error;
    }
    this.#seenUntil = Math.max(this.#seenUntil, Math.min(this.#newest, this.#nowSeconds));
    await this.#note(this.#nowSeconds);
  }

  /** A first run looks back as far as anything may be fetched unasked. */
  #firstTime(): AgentProgress {
    const now = this.#nowSeconds;
    return { seen_until: this.#oldestSeconds, backfill_until: now, complete_at: now, open: [], settled: [] };
  }

  #from(): number {
    return Math.max(this.#before.seen_until - OVERLAP_SECONDS, this.#oldestSeconds);
  }

  async #page({ conversations, unreadable }: ConversationPage): Promise<void> {
    this.#options.tally.unreadable += unreadable;
    for (const call of conversations) {
      if (call.agentId !== this.#options.agentId || call.startedAtSeconds < this.#oldestSeconds) continue;
      if (!this.#seen.has(call.id)) {
        this.#seen.add(call.id);
        this.#options.tally.listed++;
        if (this.#settled.has(call.id)) this.#options.tally.whole++;
        else if (this.#open.get(call.id)?.failed != null) this.#deferred.set(call.id, call);
        else await this.#check(call);
      }
      this.#passed(call.startedAtSeconds);
    }
  }

  /** As long as the listing is in order, everything that began before this call has been seen; otherwise nothing is certain until it ends. */
  #passed(startedAtSeconds: number): void {
    this.#newest = Math.max(this.#newest, startedAtSeconds);
    this.#isAscending &&= startedAtSeconds >= this.#lastStart;
    this.#lastStart = startedAtSeconds;
    this.#seenUntil = this.#isAscending
      ? Math.max(this.#seenUntil, Math.min(startedAtSeconds, this.#nowSeconds))
      : this.#before.seen_until;
  }

  /** Open ones that the listing does not reach any more, and those that failed the last time. */
  async #lookAtOthers(): Promise<void> {
    const { agentId, onFinding } = this.#options;
    for (const { id, started, failed } of [...this.#open.values()]) {
      const listed = this.#deferred.get(id);
      if (this.#seen.has(id) && listed === undefined) continue;
      if (started >= this.#oldestSeconds) {
        await this.#check(listed ?? { id, agentId, startedAtSeconds: started });
        continue;
      }
      this.#open.delete(id);
      const reason = failed === null ? 'still_open' : 'still_failing';
      onFinding({ conversationId: id, agentId, what: failed ?? 'transcript', outcome: 'unrecoverable', reason });
    }
  }

  async #check(call: CallToCheck): Promise<void> {
    if (this.#run.msLeft() < LEAST_MS) throw new NoTimeLeft();
    const isBackfill = call.startedAtSeconds < this.#before.backfill_until;
    const fetchedAs = isBackfill ? 'backfilled' : 'recovered';
    // Until it is known better: a call at which the time is over is not forgotten, and is not the first of the next run.
    const failed = this.#open.get(call.id)?.failed ?? 'transcript';
    this.#open.delete(call.id);
    this.#open.set(call.id, { id: call.id, started: call.startedAtSeconds, failed });
    this.#took(call, await checkCall(this.#context, this.#run, call, { fetchedAs }));
  }

  #took({ id, startedAtSeconds: started }: CallToCheck, { state, findings }: Checked): void {
    for (const finding of findings) this.#options.onFinding(finding);
    const failed = findings.find(({ outcome }) => outcome === 'failed')?.what ?? null;
    this.#options.tally[state]++;
    if (state === 'open') this.#open.set(id, { id, started, failed });
    else {
      this.#open.delete(id);
      this.#settled.set(id, started);
    }
    this.#failuresInARow = failed !== null ? this.#failuresInARow + 1 : 0;
    if (this.#failuresInARow >= MOST_FAILURES_IN_A_ROW) throw new ManyFailures();
  }

  #note(completeAt: number): Promise<void> {
    const from = this.#seenUntil - OVERLAP_SECONDS;
    return this.#options.progress.note(this.#options.agentId, {
      seen_until: this.#seenUntil,
      backfill_until: this.#before.backfill_until,
      complete_at: completeAt,
      open: [...this.#open.values()],
      settled: [...this.#settled].flatMap(([id, started]) => (started >= from ? [{ id, started }] : [])),
    });
  }
}
