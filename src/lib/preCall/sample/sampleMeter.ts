import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { AudioFormat } from './audioFormat.ts';
import type { Measured } from './measured.ts';
import type { Answer, Question } from './measureWorker.ts';

export interface MeterLimits {
  /** A sample that takes longer counts as undecodable. Honest ones take milliseconds. */
  readonly sampleMs: number;
  readonly startMs: number;
  readonly threads: number;
}

const LIMITS: MeterLimits = { sampleMs: 1_500, startMs: 10_000, threads: 2 };
const MEMORY_MB = 64;

/**
 * Measures samples in threads that can be ended: measuring does not yield, and the checksums of Ogg pages that overlap take a minute,
 * so no timer of its own thread would fire. Threads stay for the next sample and do not keep the process alive.
 */
export class SampleMeter {
  readonly #limits: MeterLimits;
  readonly #idle: Worker[] = [];
  readonly #waiting: (() => void)[] = [];
  #threads = 0;

  constructor(limits: Partial<MeterLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits };
  }

  /** Starts a thread ahead of the first sample, which would otherwise wait for it. A failure shows with that sample. */
  warmUp(): void {
    if (this.#threads > 0) return;
    this.#take().then(
      (worker) => this.#giveBack(worker),
      () => {},
    );
  }

  /** Undefined when the bytes cannot be decoded, or not within the limits of time and memory. */
  async measure(bytes: Uint8Array, format: AudioFormat): Promise<Measured | undefined> {
    const worker = this.#takeIdle() ?? (await this.#take());
    try {
      const question: Question = { bytes: new Uint8Array(bytes), format };
      const answered = nextMessage(worker, this.#limits.sampleMs);
      worker.postMessage(question, [question.bytes.buffer]);
      const { measured } = (await answered) as Answer; // of our own worker
      this.#giveBack(worker);
      return measured;
    } catch {
      void worker.terminate().then(() => this.warmUp());
      return undefined;
    }
  }

  /** Ends the threads that are idle. */
  async close(): Promise<void> {
    await Promise.all(this.#idle.map((worker) => worker.terminate()));
  }

  async #take(): Promise<Worker> {
    while (this.#idle.length === 0 && this.#threads >= this.#limits.threads) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.#takeIdle() ?? this.#start();
  }

  /** At once, so that the thread is at work while the caller does something else. */
  #takeIdle(): Worker | undefined {
    const worker = this.#idle.pop();
    worker?.ref();
    return worker;
  }

  #giveBack(worker: Worker): void {
    worker.unref();
    this.#idle.push(worker);
    this.#waiting.shift()?.();
  }

  async #start(): Promise<Worker> {
    this.#threads += 1;
    const worker = await openWorker().catch((error: unknown) => {
      this.#leave();
      throw error;
    });
    worker.on('error', () => {}); // the one who waits for its message gets the error
    worker.once('exit', () => this.#leave(worker));
    try {
      await nextMessage(worker, this.#limits.startMs);
      return worker;
    } catch (error) {
      void worker.terminate();
      throw error;
    }
  }

  #leave(worker?: Worker): void {
    const at = worker === undefined ? -1 : this.#idle.indexOf(worker);
    if (at !== -1) this.#idle.splice(at, 1);
    this.#threads -= 1;
    this.#waiting.shift()?.();
  }
}

async function openWorker(): Promise<Worker> {
  const { WORKER_NAME, workerUrl } = await import('./measureWorker.ts');
  const resourceLimits = { maxOldGenerationSizeMb: MEMORY_MB };
  return new Worker(workerUrl, { name: WORKER_NAME, workerData: WORKER_NAME, execArgv: [], resourceLimits });
}

async function nextMessage(worker: Worker, limitMs: number): Promise<unknown> {
  const [message] = await once(worker, 'message', { signal: AbortSignal.timeout(limitMs) });
  return message;
}
