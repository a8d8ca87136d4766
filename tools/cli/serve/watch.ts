import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { watch as watchFiles } from 'chokidar';
import { note } from '../../command/output.ts';

/** An editor may write a file in several steps, and several files at once. */
const CALM_MS = 100;

interface Watched {
  /** What Node runs: a file and its arguments. */
  readonly program: readonly string[];
  /** What Node runs before the program is run again; when it fails, the program that runs goes on. */
  readonly build: readonly string[];
  /** The folder whose changes count. */
  readonly source: string;
  /** Resolves when it is to end. */
  readonly stopped: Promise<unknown>;
}

/**
 * Runs a program and, after each change of its source that can be built, ends it and runs it again.
 *
 * @returns its exit code when it ends by itself before any change, as for a taken port; else 0 once it was asked to end.
 */
export async function watch({ program, build, source, stopped }: Watched): Promise<number> {
  const start = () => spawn(process.execPath, [...process.execArgv, ...program], { stdio: 'inherit' });
  const changes = changedFiles(source);
  let child = start();
  const firstEnd = once(child, 'exit').then(([code]) => Number(code ?? 0));
  let wasChanged = false;
  try {
    for (;;) {
      const next = await Promise.race([changes.next(), stopped, ...(wasChanged ? [] : [firstEnd])]);
      if (typeof next === 'number') return next;
      if (typeof next !== 'string') return 0;
      wasChanged = true;
      note(`\n${next} has changed`);
      if (spawnSync(process.execPath, [...build], { stdio: ['ignore', 2, 2] }).status !== 0) continue;
      await end(child);
      child = start();
    }
  } finally {
    changes.close();
    await end(child);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** One at a time: what changes while nobody asks counts as one change. */
function changedFiles(source: string) {
  let changed: string | undefined;
  let isHeard = () => {};
  let calm: NodeJS.Timeout;
  const hearSoon = () => {
    clearTimeout(calm);
    calm = setTimeout(() => isHeard(), CALM_MS);
  };
  // Not by `node:fs`: on Linux its recursive form loses a file that an editor has saved by renaming another to its name.
  const watcher = watchFiles(source, { cwd: source, ignoreInitial: true }).on('all', (_event, file) => {
    changed = file;
    hearSoon();
  });
  return {
    async next(): Promise<string> {
      await new Promise<void>((resolve) => {
        isHeard = resolve;
        if (changed !== undefined) hearSoon();
      });
      const file = String(changed);
      changed = undefined;
      return file;
    },
    close: () => watcher.close(),
  };
}
