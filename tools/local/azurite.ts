import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { isPortFree, PortTakenError } from '../cli/ports.ts';

/** The key of Azurite's only account. Published by Microsoft, the same everywhere, no secret. */
const wellKnownKey = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

const preloaded = [
  new URL('azurite/endWithParent.mjs', import.meta.url),
  new URL('azurite/withoutTelemetry.mjs', import.meta.url),
];
const startLimitMs = 30_000;
const stopLimitMs = 3_000;

/** Where Azurite keeps blobs: a folder that outlives it, or its memory. */
export type AzuriteOptions = {
  port: number;
  preload?: URL;
  /** Default: blob. */
  service?: 'blob' | 'queue';
  /** Gets a line of Azurite's access log after each request, in the Common Log Format. */
  onAccess?: (line: string) => void;
} & AzuritePersistence;
export type AzuritePersistence = { location: string } | { inMemory: true };

/** A running blob or queue service. */
export interface Azurite {
  port: number;
  connectionString: string;
  pid: number;
  /** Resolves when the process is gone, with what it wrote last; `expected` tells whether `stop` was called. */
  ended: Promise<{ expected: boolean; output: string }>;
  /** Ends the process and waits for it. */
  stop(): Promise<void>;
}

/** The address of the development account of a blob service on this machine, and of a queue service if there is one. */
export function connectionString(blobPort: number, queuePort?: number): string {
  const queueEndpoint = queuePort === undefined ? '' : `QueueEndpoint=${endpoint(queuePort)};`;
  return `${developmentAccount}BlobEndpoint=${endpoint(blobPort)};${queueEndpoint}`;
}

/** The same of a queue service alone. */
export function queueConnectionString(port: number): string {
  return `${developmentAccount}QueueEndpoint=${endpoint(port)};`;
}

const developmentAccount = `DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=${wellKnownKey};`;
const endpoint = (port: number) => `http://127.0.0.1:${port}/devstoreaccount1`;

/** A module to preload where much is stored and nobody looks at the checksums that Azurite computes. */
export const nativeChecksums = new URL('azurite/nativeChecksums.ts', import.meta.url);

/**
 * Where blobs of local runs are kept: a folder for each port, because two Azurites in one folder spoil each other's data.
 * Port 0, a free one, is for throw-away runs in memory.
 */
export function keptFor(port: number): AzuritePersistence {
  if (port === 0) return { inMemory: true };
  return { location: fileURLToPath(new URL(`../../.azurite/${port}`, import.meta.url)) };
}

/**
 * Starts Azurite's blob or queue service as a process of its own, which never outlives this one.
 *
 * @param options `port` 0 takes a free port; `preload` is a module that is loaded into the process first.
 * @throws PortTakenError when another program listens on the port.
 * @example
 * const azurite = await startAzurite({ port: 0, inMemory: true });
 * const client = BlobServiceClient.fromConnectionString(azurite.connectionString);
 */
export async function startAzurite(options: AzuriteOptions): Promise<Azurite> {
  if (options.port !== 0 && !(await isPortFree(options.port))) throw new PortTakenError(options.port);
  const child = spawn(process.execPath, commandLine(options), {
    stdio: ['pipe', 'pipe', 'pipe'],
    // In a group of its own, Ctrl-C does not reach it; whoever started it ends it in order.
    detached: true,
    // On Windows that would open a console of its own.
    windowsHide: true,
  });
  const output = collectOutput(child);
  const exit = once(child, 'close');
  const { onAccess, service = 'blob' } = options;
  if (onAccess !== undefined && child.stdout !== null) createInterface(child.stdout).on('line', onAccess);

  let isStopping = false;
  const ended = exit.then(() => ({ expected: isStopping, output: output.text() }));
  const stop = async () => {
    isStopping = true;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
    await ended;
    clearTimeout(timer);
  };

  try {
    const port = await listening(output, ended);
    const connection = service === 'blob' ? connectionString(port) : queueConnectionString(port);
    return { port, connectionString: connection, pid: child.pid ?? 0, ended, stop };
  } catch (cause) {
    await stop();
    if (output.text().includes('EADDRINUSE')) throw new PortTakenError(options.port, { cause });
    throw cause;
  }
}

function commandLine(options: AzuriteOptions): string[] {
  const resolve = createRequire(import.meta.url).resolve;
  const { service = 'blob' } = options;
  return [
    ...preloaded.concat(options.preload ?? []).flatMap(({ href }) => ['--import', href]),
    resolve(`azurite/dist/src/${service}/main.js`),
    ...[`--${service}Host`, '127.0.0.1', `--${service}Port`, String(options.port)],
    ...('location' in options ? ['--location', options.location] : ['--inMemoryPersistence']),
    '--disableTelemetry',
    '--skipApiVersionCheck',
    ...(options.onAccess === undefined ? ['--silent'] : []),
  ];
}

interface Output {
  text(): string;
  onChange(listener: () => void): void;
}

/** The last few kB that the process wrote: enough to find the port in, and the reason when it ends. */
function collectOutput(child: ChildProcess): Output {
  let text = '';
  let listener = () => {};
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-4096);
      listener();
    });
  }
  return {
    text: () => text,
    onChange: (next) => {
      listener = next;
    },
  };
}

function listening(output: Output, ended: Promise<unknown>): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => reject(new Error(`Azurite ${reason}: ${output.text().trim()}`));
    const timer = setTimeout(() => fail(`did not start within ${startLimitMs / 1000} s`), startLimitMs);
    output.onChange(() => {
      const address = /successfully listens on \S+?:(\d+)\s/.exec(output.text());
      if (address === null) return;
      clearTimeout(timer);
      resolve(Number(address[1]));
    });
    ended.then(() => {
      clearTimeout(timer);
      fail('ended while it started');
    });
  });
}
