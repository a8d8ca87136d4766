import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { until } from '../support/until.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

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
  const env = { PATH, NODE_COMPILE_CACHE, ...environment };
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

/** A port that nothing listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
