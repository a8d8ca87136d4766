/** What a delivery takes of an instance and of the storage account. */
export interface Cost {
  /** From the first byte to the answer. */
  readonly openMs: number;
  readonly cpuMs: number;
  readonly storageRequests: number;
}

export interface Simulated {
  /** Deliveries open in one moment. */
  readonly mostAtOnce: number;
  /** CPU in the busiest second, in cores. */
  readonly mostCores: number;
  /** Requests to storage in the busiest second. */
  readonly mostStorageRequests: number;
}

/**
 * One hour of calls that end at random moments (a Poisson process), each of which sends a transcript and a recording. Every run
 * gives the same figures for the same input.
 */
export function simulateHour(callsAnHour: number, deliveries: readonly Cost[]): Simulated {
  const random = seeded(1);
  const steps: { readonly atMs: number; readonly change: 1 | -1 }[] = [];
  const cpuMs = new Float64Array(3700);
  const storageRequests = new Float64Array(3700);
  const meanGapMs = 3_600_000 / callsAnHour;
  for (let atMs = gap(meanGapMs, random); atMs < 3_600_000; atMs += gap(meanGapMs, random)) {
    for (const cost of deliveries) {
      steps.push({ atMs, change: 1 }, { atMs: atMs + cost.openMs, change: -1 });
      const second = Math.floor(atMs / 1000);
      cpuMs[second] = (cpuMs[second] ?? 0) + cost.cpuMs;
      storageRequests[second] = (storageRequests[second] ?? 0) + cost.storageRequests;
    }
  }
  steps.sort((a, b) => a.atMs - b.atMs);
  let open = 0;
  let mostAtOnce = 0;
  for (const { change } of steps) {
    open += change;
    mostAtOnce = Math.max(mostAtOnce, open);
  }
  return { mostAtOnce, mostCores: Math.max(...cpuMs) / 1000, mostStorageRequests: Math.max(...storageRequests) };
}

function gap(meanMs: number, random: () => number): number {
  return -Math.log(1 - random()) * meanMs;
}

/** Mulberry32: small, and the same on every machine. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
