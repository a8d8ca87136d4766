import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LoadCommand, LoadReply, LoadResult } from './commands.ts';

/** The process that sends. */
export interface Load {
  readonly pid: number;
  /** Rejects when an answer was not the expected one. */
  ask(command: LoadCommand): Promise<LoadResult>;
  stop(): Promise<void>;
}

export function startLoad(): Load {
  const child = fork(fileURLToPath(new URL('process.ts', import.meta.url)), [], { execArgv: [] });
  const exit = once(child, 'exit');
  return {
    pid: child.pid ?? 0,
    async ask(command) {
      child.send(command);
      const message = await Promise.race([once(child, 'message'), exit.then(() => [undefined])]);
      const [reply] = message as [LoadReply | undefined];
      if (reply === undefined) throw new Error('the load process has ended');
      if ('error' in reply) throw new Error(`${command.kind} of ${JSON.stringify(command)}: ${reply.error}`);
      return reply.result;
    },
    async stop() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}
