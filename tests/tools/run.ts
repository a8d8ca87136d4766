import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isPortFree } from '../../tools/cli/ports.ts';
import { until } from '../support/until.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** But for a leap day: what a timer of a served app writes in the middle of a test is not the test's. */
const NEVER = '0 0 0 29 2 *';

/** A tool that runs as a process of its own. */
export interface Run {
  child: ChildProcess;
  /** What it has written so far, both streams together. */
  text(): string;
  /** Waits until it has written the text. */
  says(text: string | RegExp): Promise<void>;
  /** Resolves to the exit code, or to the signal that ended it. */
  ended: Promise<number | string>;
}

/** Runs a tool as npm would, apart from the settings of whoever runs the tests. */
export function run(args: string[], environment: NodeJS.ProcessEnv = {}): Run {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const env = { PATH, NODE_COMPILE_CACHE, SWEEP_SCHEDULE: NEVER, RECONCILE_SCHEDULE: NEVER, ...environment };
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: 'pipe' });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal);
  const says = async (expected: string | RegExp) => {
    await until(() => text.match(expected) !== null || child.exitCode !== null);
    if (text.match(expected) === null) throw new Error(`Never said ${expected}: ${text}`);
  };
  return { child, text: () => text, says, ended };
}

/** A port that nothing listens on, and that no system gives to an outgoing connection before somebody does. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 32_000);
    if (await isPortFree(port)) return port;
  }
}
