import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { watch as watchFiles } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { note } from '../../command/output.ts';
import { stopRequest } from '../stopRequest.ts';

/** An editor may write a file in several steps, and several files at once. */
const CALM_MS = 100;

const source = fileURLToPath(new URL('../../../src/', import.meta.url));
const build = fileURLToPath(new URL('../../maintain/build.mjs', import.meta.url));

/**
 * Runs a program and, after each change below src/ that can be built, ends it and runs it again.
 *
 * @returns its exit code when it ends by itself at once, as for a wrong option; else 0 once it was asked to end.
 */
export async function watch(program: readonly string[]): Promise<number> {
  const start = () => spawn(process.execPath, [...process.execArgv, ...program], { stdio: 'inherit' });
  let child = start();
  const stopped = stopRequest();
  const firstEnd = once(child, 'exit').then(([code]) => Number(code ?? 0));

  const changes = changedFiles();
  for (;;) {
    const next = await Promise.race([changes.next(), stopped, ...(changes.count === 0 ? [firstEnd] : [])]);
    if (typeof next === 'number') return next;
    if (next === undefined) {
      changes.close();
      await end(child);
      return 0;
    }
    note(`\n${next.file} has changed`);
    if (spawnSync(process.execPath, [build], { stdio: ['ignore', 2, 2] }).status !== 0) continue;
    await end(child);
    child = start();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** One at a time: what changes while nobody asks counts as one change. */
function changedFiles() {
  let changed: string | undefined;
  let isHeard = () => {};
  let calm: NodeJS.Timeout;
  const watcher = watchFiles(source, { recursive: true }, (_event, file) => {
    changed = `src/${file}`;
    clearTimeout(calm);
    calm = setTimeout(() => isHeard(), CALM_MS);
  });
  return {
    count: 0,
    async next(): Promise<{ file: string }> {
      await new Promise<void>((resolve) => {
        isHeard = resolve;
        if (changed !== undefined) calm = setTimeout(resolve, CALM_MS);
      });
      const file = String(changed);
      changed = undefined;
      this.count++;
      return { file };
    },
    close: () => watcher.close(),
  };
}
