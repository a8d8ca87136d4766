import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const SECRET = 'wsec_bench';
export const INITIATION_SECRET = 'initiation_bench';
export const WEBHOOK_PATH = '/elevenlabs/webhook';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const functionsHost = path('serveFunctions.ts');
const loadedFiles = path('loadedFiles.ts');

/**
 * Everything that takes deliveries in a bench. Functions apps are served by the local host, and spoken to as the host does:
 * what the host itself costs is not theirs.
 */
const apps = {
  ours: [functionsHost, path('../dist/index.js')],
  least: [functionsHost, path('peers/least.ts')],
  twoBlobs: [functionsHost, path('peers/twoBlobs.ts')],
  plainFunctions: [functionsHost, path('peers/plainFunctions.ts')],
  expressSdk: [path('peers/expressSdk.ts')],
  receive: [path('floors/receive.ts')],
  receiveProxied: [functionsHost, path('floors/receiveProxied.ts')],
} as const;

export type AppName = keyof typeof apps;

/** An app in a process of its own, which never outlives this one. */
export interface App {
  readonly pid: number;
  /** Base address without a slash at the end. */
  readonly url: string;
  /** Which files it has loaded so far; only of an app that was started to tell. */
  loadedFiles(): Promise<string[]>;
  stop(): Promise<void>;
}

export function startApp(name: AppName, storage: string): Promise<App> {
  return startServer(apps[name], storage, []);
}

/** Starts any Functions app by its entry point, with the local host in front of it. */
export function startFunctions(entry: string, storage: string, tells?: 'tells its files'): Promise<App> {
  return startServer([functionsHost, entry, 'front'], storage, tells === undefined ? [] : ['--import', loadedFiles]);
}

/** Starts a script that sends `{ url }` once it serves, and ends when this process does. */
async function startServer(command: readonly string[], storage: string, execArgv: string[]): Promise<App> {
  const [script = '', ...parameters] = command;
  const child = fork(script, parameters, {
    env: {
      ...process.env,
      ELEVENLABS_WEBHOOK_SECRET: SECRET,
      INITIATION_SECRET,
      INITIATION_DEADLINE_MS: '10000', // so that what is measured is the answer, not the deadline
      ENABLE_AUDIO_STORAGE: 'true',
      CallStorage: storage,
      FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '209715200',
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv,
  });
  const exit = once(child, 'exit');
  const nextMessage = async () => {
    const [message] = await Promise.race([once(child, 'message'), exit.then(() => [])]);
    if (message === undefined) throw new Error(`${command.join(' ')} has ended`);
    return message;
  };
  const { url } = await nextMessage();
  return {
    pid: child.pid ?? 0,
    url,
    loadedFiles: async () => {
      child.send('loaded files?');
      return (await nextMessage()).map((file: string) => file.replace(/^file:\/\//, ''));
    },
    stop: async () => {
      child.kill('SIGKILL');
      await exit;
    },
  };
}
