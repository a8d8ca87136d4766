/** What several rounds gave. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const lower = sorted.length % 2 === 0 ? (sorted[middle - 1] ?? Number.NaN) : upper;
  return { median: (lower + upper) / 2, least: sorted[0] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN };
}

/** Round by round, so that what disturbs the machine for a while disturbs both. */
export function ratio(values: readonly number[], others: readonly number[]): Spread {
  return spread(values.map((value, round) => value / (others[round] ?? Number.NaN)));
}

/** `12.3 (11.9–14.0)`, with as many digits as make sense of the median. */
export function show({ median, least, most }: Spread, factor = 1): string {
  const digits = Math.abs(median * factor) >= 100 ? 0 : Math.abs(median * factor) >= 10 ? 1 : 2;
  const text = (value: number) => (value * factor).toFixed(digits);
  return `${text(median)} (${text(least)}–${text(most)})`;
}

/**
 * Runs all contenders once a round, in turn and each round in the opposite order, so that neither the place in the order
 * nor a change of the machine favours one. The first round warms up and is not counted.
 *
 * @example const { ours, theirs } = await takeTurns(5, { ours: () => time(a), theirs: () => time(b) });
 */
export async function takeTurns<Name extends string, T>(
  rounds: number,
  contenders: Readonly<Record<Name, () => Promise<T>>>,
): Promise<Record<Name, T[]>> {
  const entries = Object.entries(contenders) as [Name, () => Promise<T>][];
  const results = Object.fromEntries(entries.map(([name]) => [name, [] as T[]])) as Record<Name, T[]>;
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of round % 2 === 0 ? entries : entries.toReversed()) {
      const result = await run();
      if (round > 0) results[name].push(result);
    }
  }
  return results;
}
