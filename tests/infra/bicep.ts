import { execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';

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

/** Runs a command of the compiler, for what depends on the environment of its process. */
export function bicep(cwd: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Compiled> {
  if ('missing' in found) throw new Error(found.missing);
  const env = { ...process.env, ...environment };
  return new Promise((resolve) => {
    execFile(found.command, args, { cwd, env, maxBuffer: 2 ** 25 }, (error, output, diagnostics) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1, output, diagnostics });
    });
  });
}

/** One compiler for many files: most of what a command takes is its start. */
export interface CompilerProcess {
  /** @returns the ARM template as JSON text; undefined when the file has errors. */
  compile(file: string): Promise<{ readonly diagnostics: readonly object[]; readonly contents?: string }>;
  /** The file as the compiler would format it. */
  format(file: string): Promise<string>;
  /** What a deployment would create, as JSON text, predicted from a parameter file. */
  predict(file: string, deployment: Deployment): Promise<string>;
  stop(): void;
}

interface Deployment {
  readonly tenantId: string;
  readonly subscriptionId: string;
  readonly location: string;
}

/** Speaks to `bicep jsonrpc` (https://github.com/Azure/bicep, src/Bicep.RpcClient). */
export function startBicep(): CompilerProcess {
  if ('missing' in found) throw new Error(found.missing);
  const compiler = spawn(found.command, ['jsonrpc', '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const connection = createMessageConnection(
    new StreamMessageReader(compiler.stdout),
    new StreamMessageWriter(compiler.stdin),
  );
  connection.listen();
  return {
    compile: (path) => connection.sendRequest('bicep/compile', { path }),
    format: async (path) => (await connection.sendRequest<{ contents: string }>('bicep/format', { path })).contents,
    predict: async (path, deployment) => {
      const metadata = { ...deployment, resourceGroup: null, deploymentName: null };
      return (await connection.sendRequest<{ snapshot: string }>('bicep/getSnapshot', { path, metadata })).snapshot;
    },
    stop: () => {
      connection.dispose();
      compiler.kill();
    },
  };
}
