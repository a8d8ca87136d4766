// The long forms of the reliability tests:
//   npm run soak -- --minutes 10
//   npm run crash -- --kills 200
//   npm run faults                 every fault, event and phase
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { LONG_FORMS } from './longForm.ts';

const TESTS = {
  soak: { file: 'soak', variable: LONG_FORMS.minutes, option: 'minutes', usual: '10' },
  crash: { file: 'kill', variable: LONG_FORMS.kills, option: 'kills', usual: '200' },
  faults: { file: 'wireFaults', variable: LONG_FORMS.wire, option: 'all', usual: '1' },
} as const;

const [name = '', ...rest] = process.argv.slice(2);
if (!isKnown(name)) throw new Error(`One of ${Object.keys(TESTS).join(', ')}, not "${name}"`);
const { file, variable, option, usual } = TESTS[name];
const { values } = parseArgs({ args: rest, options: { [option]: { type: 'string', default: usual } } });
if (!(Number(values[option]) > 0)) throw new Error(`--${option} takes a number`);

const root = fileURLToPath(new URL('../../', import.meta.url));
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
const child = spawn(process.execPath, [vitest, 'run', '--project', 'reliability', file], {
  cwd: root,
  env: { ...process.env, [variable]: values[option] },
  stdio: 'inherit',
});
const [code] = await once(child, 'exit');
process.exitCode = code ?? 1;

function isKnown(given: string): given is keyof typeof TESTS {
  return Object.hasOwn(TESTS, given);
}
