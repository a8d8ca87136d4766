import { setTimeout as sleep } from 'node:timers/promises';
import { type Measurement, measurementsOf } from './measurements.ts';
import { currentOperation, type Operation } from './operation.ts';
import type { DeliveryFact, Dependency, InitiationFact, Telemetry } from './telemetry.ts';

/** What takes it from here, batches it and sends it. */
export interface Sender {
  measure(measurement: Measurement): void;
  dependency(dependency: Dependency, at: { readonly endedAt: number; readonly operation: Operation | undefined }): void;
  /** Sends what is waiting. */
  flush(): Promise<void>;
}

/** An answer is out by then, and loading keeps nobody waiting. */
const QUIET_MS = 250;
/** An instance that is never idle loads the sender all the same. */
const LATEST_MS = 10_000;
/** Before the sender is there: some dozens of deliveries. What comes after that is not told. */
const BACKLOG = 1_000;
/** Well within the time that the host gives a worker to end. */
const FLUSH_MS = 3_000;

/**
 * Telemetry whose sender takes a third of a second to load: it does so after the first answer, once nothing is under way. What
 * happens before is kept and sent then. Nothing here ever fails or delays a delivery.
 */
export class LazyTelemetry implements Telemetry {
  readonly #load: () => Promise<Sender>;
  #loading: Promise<void> | undefined;
  #sender: Sender | undefined;
  #backlog: ((sender: Sender) => void)[] = [];
  #underWay = 0;
  #firstAnswerAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(load: () => Promise<Sender>) {
    this.#load = load;
  }

  delivery(fact: DeliveryFact): void {
    for (const measurement of measurementsOf(fact)) this.#tell((sender) => sender.measure(measurement));
  }

  cloned(durationMs: number): void {
    this.#tell((sender) => sender.measure({ name: 'clone_ms', value: durationMs, dimensions: {} }));
  }

  initiated({ outcome, reason, ms }: InitiationFact): void {
    const dimensions = reason === undefined ? { outcome } : { outcome, reason };
    this.#tell((sender) => sender.measure({ name: 'initiations', value: 1, dimensions }));
    this.#tell((sender) => sender.measure({ name: 'initiation_ms', value: ms, dimensions: { outcome } }));
  }

  reconciled(outcome: string, what: string): void {
    this.#tell((sender) => sender.measure({ name: 'reconciled', value: 1, dimensions: { outcome, what } }));
  }

  dependency(dependency: Dependency): void {
    const at = { endedAt: Date.now(), operation: currentOperation() };
    this.#tell((sender) => sender.dependency(dependency, at));
  }

  /** As a preInvocation hook. */
  begun(): void {
    this.#underWay++;
  }

  /** As a postInvocation hook. */
  ended(): void {
    this.#underWay--;
    this.#firstAnswerAt ??= performance.now();
    if (this.#loading === undefined) this.#timer ??= setTimeout(() => this.#loadWhenIdle(), QUIET_MS).unref();
  }

  /** Sends what is waiting, for three seconds at most; resolves whatever becomes of it. */
  async flush(): Promise<void> {
    if (this.#sender === undefined && this.#backlog.length === 0) return;
    const sent = this.#loaded().then(() => this.#sender?.flush());
    await Promise.race([sent.catch(() => {}), sleep(FLUSH_MS, undefined, { ref: false })]);
  }

  #loadWhenIdle(): void {
    this.#timer = undefined;
    const isLate = performance.now() - (this.#firstAnswerAt ?? 0) > LATEST_MS;
    if (this.#underWay === 0 || isLate) void this.#loaded(); // else the next answer brings us here again
  }

  #loaded(): Promise<void> {
    this.#loading ??= this.#load().then(
      (sender) => {
        this.#sender = sender;
        for (const tell of this.#backlog.splice(0)) this.#tell(tell);
      },
      (error: unknown) => {
        this.#backlog = [];
        console.error(`warning: telemetry is off, its library could not be loaded: ${error}`);
      },
    );
    return this.#loading;
  }

  #tell(tell: (sender: Sender) => void): void {
    if (this.#sender === undefined) {
      if (this.#backlog.length < BACKLOG) this.#backlog.push(tell);
      return;
    }
    try {
      tell(this.#sender);
    } catch {
      // A delivery matters more than its telemetry.
    }
  }
}
