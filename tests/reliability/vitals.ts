/** One line of `vitals.mjs`. */
export interface Vitals {
  readonly residentBytes: number;
  /** The most that it ever was. */
  readonly peakBytes: number;
  /** Blocks and bodies. */
  readonly bufferBytes: number;
  readonly handles: number;
  readonly delayMs: number;
  readonly longDelayMs: number;
  /** The heap after a collection; only now and then. */
  readonly heldBytes?: number;
}

/** How the app was during a fifth of the time: medians. */
interface Fifth {
  readonly residentMib: number;
  readonly heldMib: number;
  readonly buffersMib: number;
  readonly handles: number;
  readonly delayMs: number;
  readonly longDelayMs: number;
}

export interface Trend {
  readonly fifths: readonly Fifth[];
  /** The second fifth: what is made once is there. */
  readonly early: Fifth;
  readonly late: Fifth;
}

const MEBIBYTE = 1024 * 1024;

export function readVitals(text: string): Vitals[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Vitals); // written by vitals.mjs
}

export function trendOf(vitals: readonly Vitals[]): Trend {
  const size = Math.floor(vitals.length / 5);
  const fifths = Array.from({ length: 5 }, (_, at) => fifthOf(vitals.slice(at * size, (at + 1) * size)));
  const [, early, , , late] = fifths;
  if (early === undefined || late === undefined || size === 0) throw new Error('The app has hardly lived');
  return { fifths, early, late };
}

function fifthOf(vitals: readonly Vitals[]): Fifth {
  const held = vitals.flatMap(({ heldBytes }) => (heldBytes === undefined ? [] : [heldBytes]));
  return {
    residentMib: median(vitals.map(({ residentBytes }) => residentBytes)) / MEBIBYTE,
    heldMib: median(held) / MEBIBYTE,
    buffersMib: median(vitals.map(({ bufferBytes }) => bufferBytes)) / MEBIBYTE,
    handles: median(vitals.map(({ handles }) => handles)),
    delayMs: median(vitals.map(({ delayMs }) => delayMs)),
    longDelayMs: median(vitals.map(({ longDelayMs }) => longDelayMs)),
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** One line for each figure, its five medians in their order. */
export function describeTrend({ fifths }: Trend): string {
  const row = (name: string, of: (fifth: Fifth) => number, digits = 0) =>
    `${name.padEnd(34)}${fifths.map((fifth) => of(fifth).toFixed(digits).padStart(8)).join('')}`;
  return [
    row('resident memory, MiB', ({ residentMib }) => residentMib),
    row('heap after a collection, MiB', ({ heldMib }) => heldMib, 1),
    row('buffers, MiB', ({ buffersMib }) => buffersMib),
    row('handles', ({ handles }) => handles),
    row('event-loop delay, ms, median', ({ delayMs }) => delayMs, 1),
    row('event-loop delay, ms, 99th of 100', ({ longDelayMs }) => longDelayMs, 1),
  ].join('\n');
}
