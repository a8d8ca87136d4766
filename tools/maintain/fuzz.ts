// npm run fuzz: tries the properties of tests/properties for minutes instead of seconds, with other values each time.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Trial } from '../../tests/properties/holds.ts';
import { number, text } from '../command/option.ts';
import { runCommand } from '../command/run.ts';

/** A property ends by itself at its time; a value at hand may take a little longer. */
const GRACE_SECONDS = 60;

interface Fuzzing {
  words: readonly string[];
  minutes: number;
  seed: number;
  name: string | undefined;
}

await runCommand({
  name: 'fuzz',
  operands: { shown: '[WORD ...]', most: Number.POSITIVE_INFINITY },
  options: {
    minutes: number('how long each property is tried (1); fractions are allowed', (minutes) => minutes > 0),
    seed: number('repeats the values of an earlier run', Number.isSafeInteger),
    name: text('TEXT', 'only properties with it in their name'),
  },
  details: `Tries each property for the minutes, two files at once, and prints how many values were tried. What breaks is printed with
the smallest value that was found and the command that goes straight to it. WORD: only files of tests/properties with it
in their name.`,
  run: ({ values, operands: words }) =>
    fuzz({ words, minutes: values.minutes ?? 1, seed: values.seed ?? randomInt(2 ** 31), name: values.name }),
});

async function fuzz(fuzzing: Fuzzing): Promise<number> {
  const { minutes, seed } = fuzzing;
  console.log(`Each property for ${minutes} min, with the seed ${seed}`);
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
  const report = join(folder, 'trials');
  try {
    const exitCode = await runTests(report, fuzzing);
    const trials = existsSync(report) ? readFileSync(report, 'utf8').trim().split('\n') : [];
    print(
      trials.map((line) => JSON.parse(line) as Trial),
      seed,
    );
    return exitCode;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function runTests(report: string, { words, minutes, seed, name }: Fuzzing): Promise<number> {
  const seconds = Math.ceil(minutes * 60);
  const files = words.length > 0 ? words.map((word) => `tests/properties/${word}`) : ['tests/properties'];
  const options = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project=unit',
    `--testTimeout=${(seconds + GRACE_SECONDS) * 1000}`,
    '--maxWorkers=2',
    ...files,
    ...(name === undefined ? [] : ['-t', name]),
  ];
  const env = {
    ...process.env,
    PROPERTY_SECONDS: String(seconds),
    PROPERTY_SEED: String(seed),
    PROPERTY_REPORT: report,
  };
  const child = spawn(process.execPath, options, { stdio: 'inherit', env });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

function print(trials: readonly Trial[], seed: number): void {
  const total = trials.reduce((sum, { runs }) => sum + runs, 0);
  const rows = trials.map(({ name, runs, failedAt }) => [
    name,
    { 'values tried': runs, broken: failedAt !== undefined },
  ]);
  console.table(Object.fromEntries(rows));
  console.log(`${total} values tried, seed ${seed}`);
  for (const { name, failedAt } of trials) {
    if (failedAt === undefined) continue;
    console.log(`\nAgain: PROPERTY_SEED=${seed} PROPERTY_PATH=${failedAt} \\
  npx vitest run --project unit tests/properties -t ${JSON.stringify(name)}`);
  }
}
