import { randomUUID } from 'node:crypto';
import { Cron } from 'croner';
import type { TimerFunction } from './functions.ts';
import type { Invoker } from './invocation.ts';
import { isNcrontab } from './ncrontab.ts';
import type { WriteLine } from './types.ts';

/** Leaves out functions whose schedule is not valid, with a line for each: the host starts without them, and so does this one. */
export function withValidSchedules(functions: TimerFunction[], write: WriteLine): TimerFunction[] {
  return functions.filter((fn) => {
    if (isNcrontab(fn.schedule)) return true;
    const message = `The '${fn.name}' function is in error: Error indexing method 'Functions.${fn.name}': the schedule '${fn.schedule}' is not a valid NCRONTAB expression.`;
    write({ level: 'error', message });
    return false;
  });
}

/** Fires the timer functions by their schedules (UTC, as on Azure) and on demand, one run of each at a time. */
export class Timers {
  readonly #timers: Timer[];

  /** Throws for a schedule that is not valid. */
  constructor(functions: TimerFunction[], invoker: Invoker, write: WriteLine) {
    this.#timers = functions.map((fn) => new Timer(fn, invoker, write));
  }

  start(): void {
    for (const timer of this.#timers) timer.start();
  }

  stop(): void {
    for (const timer of this.#timers) timer.stop();
  }

  async run(name: string): Promise<void> {
    const timer = this.#timers.find((known) => known.name === name);
    if (timer === undefined) throw new Error(`There is no timer function named "${name}"`);
    await timer.run();
  }
}

class Timer {
  readonly name: string;
  readonly #fn: TimerFunction;
  readonly #invoker: Invoker;
  readonly #write: WriteLine;
  readonly #cron: Cron;
  #lastRun: Promise<void> = Promise.resolve();
  #lastAt = new Date(0);
  #isRunning = false;

  constructor(fn: TimerFunction, invoker: Invoker, write: WriteLine) {
    this.name = fn.name;
    this.#fn = fn;
    this.#invoker = invoker;
    this.#write = write;
    this.#cron = parse(fn, () => this.#tick());
  }

  start(): void {
    this.#cron.resume();
    if (this.#fn.runOnStartup) this.#tick();
  }

  stop(): void {
    this.#cron.stop();
  }

  run(): Promise<void> {
    const run = this.#lastRun.then(() => this.#invoke());
    this.#lastRun = run.catch(() => {});
    return run;
  }

  #tick(): void {
    if (this.#isRunning) return;
    this.run().catch((error: unknown) => {
      const message = `Failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
      this.#write({ level: 'error', message, functionName: this.name });
    });
  }

  async #invoke(): Promise<void> {
    this.#isRunning = true;
    const now = new Date();
    const timer = {
      Schedule: { AdjustForDST: true },
      ScheduleStatus: {
        Last: this.#lastAt.toISOString(),
        Next: (this.#cron.nextRun() ?? now).toISOString(),
        LastUpdated: this.#lastAt.toISOString(),
      },
      IsPastDue: false,
    };
    this.#lastAt = now;
    try {
      const { bindingName } = this.#fn;
      await this.#invoker.run({
        id: randomUUID(),
        fn: this.#fn,
        bindingName,
        input: { json: JSON.stringify(timer) },
      });
    } finally {
      this.#isRunning = false;
    }
  }
}

/** Of six fields: day of month AND day of week have to fit. */
function parse({ schedule }: TimerFunction, tick: () => void): Cron {
  return new Cron(schedule, { paused: true, unref: true, utcOffset: 0, domAndDow: true }, tick);
}
