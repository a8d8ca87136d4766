// npm run fuzz: tries the properties of tests/properties for minutes instead of seconds, with other values each time.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Trial } from '../../tests/properties/holds.ts';

const usage = `Usage: npm run fuzz [-- WORD ...] [--minutes N] [--seed N] [--name TEXT]

Tries each property for the minutes, two files at once, and prints how many values were tried. What breaks is printed with the smallest
value that was found and the command that goes straight to it, and the exit code is 1.

  WORD           only files of tests/properties with it in their name
  --minutes N    how long each property is tried (1); fractions are allowed
  --seed N       makes the same values again
  --name TEXT    only properties with it in their name`;

/** A property ends by itself at its time; a value at hand may take a little longer. */
const GRACE_SECONDS = 60;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    name: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});
process.exitCode = values.help === true ? printUsage() : await fuzz(Number(values.minutes));

function printUsage(): number {
  console.log(usage);
  return 0;
}

async function fuzz(minutes: number): Promise<number> {
  if (!(minutes > 0)) throw new Error('--minutes is to be a number over 0.');
  console.log(`Each property for ${minutes} min, with the seed ${values.seed}`);
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
  const report = join(folder, 'trials');
  try {
    const exitCode = await runTests(report, Math.ceil(minutes * 60));
    const trials = existsSync(report) ? readFileSync(report, 'utf8').trim().split('\n') : [];
    print(trials.map((line) => JSON.parse(line) as Trial));
    return exitCode;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function runTests(report: string, seconds: number): Promise<number> {
  const files = positionals.length > 0 ? positionals.map((word) => `tests/properties/${word}`) : ['tests/properties'];
  const options = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project=unit',
    `--testTimeout=${(seconds + GRACE_SECONDS) * 1000}`,
    '--maxWorkers=2',
    ...files,
    ...(values.name === undefined ? [] : ['-t', values.name]),
  ];
  const env = {
    ...process.env,
    PROPERTY_SECONDS: String(seconds),
    PROPERTY_SEED: values.seed,
    PROPERTY_REPORT: report,
  };
  const child = spawn(process.execPath, options, { stdio: 'inherit', env });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

function print(trials: readonly Trial[]): void {
  const total = trials.reduce((sum, { runs }) => sum + runs, 0);
  const rows = trials.map(({ name, runs, failedAt }) => [
    name,
    { 'values tried': runs, broken: failedAt !== undefined },
  ]);
  console.table(Object.fromEntries(rows));
  console.log(`${total} values tried, seed ${values.seed}`);
  for (const { name, failedAt } of trials) {
    if (failedAt === undefined) continue;
    console.log(`\nAgain: PROPERTY_SEED=${values.seed} PROPERTY_PATH=${failedAt} \\
  npx vitest run --project unit tests/properties -t ${JSON.stringify(name)}`);
  }
}
