import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

it('nothing is far slower or larger than it should be', { timeout: 300_000 }, async () => {
  // A cold start is one that compiles.
  const { NODE_COMPILE_CACHE: _, ...env } = process.env;
  const bench = promisify(execFile)(process.execPath, ['bench/bench.ts', '--short', '--json'], { cwd: root, env });
  const { stdout } = await bench.catch((error: { stdout: string; stderr: string }) => error);
  const { rows } = JSON.parse(stdout);
  expect(rows.length).toBeGreaterThan(10);
  expect(rows.filter((row: { met: string }) => row.met === 'no')).toEqual([]);
});
