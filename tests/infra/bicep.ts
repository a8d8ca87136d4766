import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';

export const root = fileURLToPath(new URL('../../', import.meta.url));

const found = inject('bicep');

/** Without a compiler what it checks is skipped; CI must have one. */
export const hasBicep = 'command' in found;
export const missing = 'missing' in found ? found.missing : undefined;

/** What a command wrote, both streams: the compiler exits with 0 on warnings, so its words count, too. */
export interface Compiled {
  readonly code: number;
  readonly output: string;
  readonly diagnostics: string;
}

export function bicep(cwd: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Compiled> {
  if ('missing' in found) throw new Error(found.missing);
  const env = { ...process.env, ...environment };
  return new Promise((resolve) => {
    execFile(found.command, args, { cwd, env, maxBuffer: 2 ** 25 }, (error, output, diagnostics) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1, output, diagnostics });
    });
  });
}

/** A copy of the templates for commands that write beside their source. */
export async function copyOfTemplates(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'infra-'));
  for (const part of ['infra', 'tests/infra/deployments'])
    await cp(join(root, part), join(folder, part), { recursive: true });
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
