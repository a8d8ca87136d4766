import { type Run, run } from './run.ts';

/** `npm start` with blobs in memory, on free ports. */
export interface Served {
  /** Without a slash at the end. */
  url: string;
  served: Run;
  stop(): Promise<void>;
}

/** Starts the built app as a process of its own. The environment names what the user has set, `more` goes to `npm start`. */
export async function serve(environment: NodeJS.ProcessEnv = {}, more: string[] = []): Promise<Served> {
  const args = ['tools/cli/serve.ts', '--port', '0', '--storage-port', '0'];
  const served = run([...args, ...more], environment);
  await served.says('Ctrl-C');
  const url = /POST +(http:\S+)\/elevenlabs\/precall\/webhook/.exec(served.text())?.[1];
  if (url === undefined) throw new Error(`No route for pre-call: ${served.text()}`);
  const stop = async () => {
    served.child.kill('SIGTERM');
    await served.ended;
  };
  return { url, served, stop };
}
