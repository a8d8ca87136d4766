import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

it.each([
  ['the types are right', 'tsc', ['--noEmit']],
  ['those of the page are', 'tsc', ['--noEmit', '-p', 'tools/page']],
  ['lint and format are clean', 'biome', ['ci', '.']],
  ['nothing is unused', 'knip', []],
])('%s', { timeout: 120_000 }, async (_name, command, options) => {
  const output = await run(process.execPath, [`node_modules/.bin/${command}`, ...options], {
    cwd: import.meta.dirname.replace(/tests.repository$/, ''),
  }).catch((error: { stdout: string; stderr: string }) => error);
  expect(output instanceof Error ? `${output.stdout}${output.stderr}` : '').toBe('');
});
