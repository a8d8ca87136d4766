// The long forms of the reliability tests:
//   npm run soak -- --minutes 10
//   npm run crash -- --kills 200
//   npm run clicks -- --clicks 1000
//   npm run faults                 every fault, event and phase
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { number } from '../../tools/command/option.ts';
import { runCommand } from '../../tools/command/run.ts';
import { LONG_FORMS } from './longForm.ts';

interface LongForm {
  /** The project of its tests; else reliability. */
  readonly project?: string;
  readonly files: readonly string[];
  readonly variable: string;
  readonly usual: number;
  /** The unit that is counted; undefined where there is nothing to choose. */
  readonly option?: string;
}

const TESTS: Readonly<Record<string, LongForm>> = {
  soak: { files: ['soak', 'droppedDeliveries'], variable: LONG_FORMS.minutes, usual: 10, option: 'minutes' },
  crash: { files: ['kill.test', 'reconcileKill'], variable: LONG_FORMS.kills, usual: 200, option: 'kills' },
  clicks: { project: 'page', files: ['manyClicks'], variable: LONG_FORMS.clicks, usual: 1_000, option: 'clicks' },
  screenshots: { project: 'page', files: ['screenshots'], variable: LONG_FORMS.screenshots, usual: 1 },
  faults: { files: ['wireFaults', 'reconcileWire', 'initiationDeadline'], variable: LONG_FORMS.wire, usual: 1 },
};

// The npm script says which one, in front of what the user adds.
const [name = ''] = process.argv.splice(2, 1);
const test = TESTS[name];
if (test === undefined) throw new Error(`One of ${Object.keys(TESTS).join(', ')}, not "${name}"`);
const { option, usual } = test;

await runCommand({
  name,
  options: option === undefined ? {} : { [option]: number(`how many (${usual})`, (count) => count > 0) },
  run: ({ values }) => run(test, Number((option === undefined ? undefined : values[option]) ?? usual)),
});

async function run({ project = 'reliability', files, variable }: LongForm, amount: number): Promise<number> {
  const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
  const child = spawn(process.execPath, [vitest, 'run', '--project', project, ...files], {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    env: { ...process.env, [variable]: String(amount) },
    stdio: 'inherit',
  });
  const [code] = await once(child, 'exit');
  return code ?? 1;
}
