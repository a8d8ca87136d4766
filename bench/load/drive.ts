import type { LoadResult } from './commands.ts';

/** Work that is ready to be done; `done` ends what it has opened. */
export interface Jobs {
  readonly jobs: readonly (() => Promise<unknown>)[];
  readonly atOnce: number;
  readonly done?: () => Promise<void>;
}

/** Does all jobs, so many at a time: each that ends makes room for the next. */
export async function drive(jobs: readonly (() => Promise<unknown>)[], atOnce: number): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const queue = jobs.values();
  const work = async () => {
    for (const job of queue) {
      const start = performance.now();
      await job();
      latenciesMs.push(performance.now() - start);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: Math.min(atOnce, jobs.length) }, work));
  const wallMs = performance.now() - start;
  latenciesMs.sort((a, b) => a - b);
  const quantile = (part: number) => latenciesMs[Math.ceil(part * latenciesMs.length) - 1] ?? Number.NaN;
  return { wallMs, perSecond: (jobs.length / wallMs) * 1000, p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
}
