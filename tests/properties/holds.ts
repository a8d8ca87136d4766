import { appendFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect } from 'vitest';

/**
 * How long properties are tried: PROPERTY_RUNS times their usual number of runs (1), or PROPERTY_SECONDS each. PROPERTY_SEED
 * makes other values; PROPERTY_PATH, with the seed, goes straight to one that failed.
 */
const {
  PROPERTY_RUNS = '1',
  PROPERTY_SECONDS = '',
  PROPERTY_SEED = '7',
  PROPERTY_PATH = '',
  PROPERTY_REPORT = '',
} = process.env;

/** A search for the smallest counterexample ends before the test is given up. */
const LONGEST_MS = 20_000;
/** A counterexample of megabytes helps nobody; seed and path come first. */
const LONGEST_MESSAGE = 10_000;

/** What a property's trial came to; one line of JSON in the file PROPERTY_REPORT, for `npm run fuzz`. */
export interface Trial {
  readonly name: string;
  readonly runs: number;
  /** For PROPERTY_PATH. */
  readonly failedAt?: string;
}

/** Tries the property of the test at hand, and fails with the smallest counterexample found. */
export async function holds<T>(property: fc.IRawProperty<T>, usualRuns: number): Promise<void> {
  const limits =
    PROPERTY_SECONDS === ''
      ? { numRuns: Math.max(1, Math.round(usualRuns * Number(PROPERTY_RUNS))), interruptAfterTimeLimit: LONGEST_MS }
      : { numRuns: 1e9, interruptAfterTimeLimit: Number(PROPERTY_SECONDS) * 1000 };
  const path = PROPERTY_PATH === '' ? {} : { path: PROPERTY_PATH };
  const details = await fc.check(property, { ...limits, ...path, seed: Number(PROPERTY_SEED) });
  if (PROPERTY_REPORT !== '') {
    const failedAt = details.failed && details.counterexamplePath !== null ? details.counterexamplePath : undefined;
    const trial: Trial = {
      name: expect.getState().currentTestName ?? '',
      runs: details.numRuns,
      ...(failedAt === undefined ? {} : { failedAt }),
    };
    appendFileSync(PROPERTY_REPORT, `${JSON.stringify(trial)}\n`);
  }
  if (details.failed)
    throw new Error(fc.defaultReportMessage(details)?.slice(0, LONGEST_MESSAGE), { cause: details.errorInstance });
}
