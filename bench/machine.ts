import { cpus, loadavg, totalmem } from 'node:os';

/** What a reader has to know of the machine, and how busy it was before the bench began. */
export interface Machine {
  readonly date: string;
  readonly node: string;
  readonly system: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  /** Runnable processes on average in the last minute and the last five. */
  readonly loadBefore: readonly [number, number];
}

export function lookAtMachine(): Machine {
  const [lastMinute = 0, lastFive = 0] = loadavg();
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    system: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    loadBefore: [lastMinute, lastFive],
  };
}
