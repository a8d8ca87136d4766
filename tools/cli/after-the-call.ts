// npm run after-the-call: the example of docs/after-the-call.md on this machine, beside npm start -- --stored-call-events.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { commandLine } from '../command/commandLine.ts';
import { Failure } from '../command/errors.ts';
import { port, text } from '../command/option.ts';
import { runCommand } from '../command/run.ts';
import { connectionString } from '../local/azurite.ts';
import { type HostLine, startHost } from '../local/host/host.ts';
import { readEnvironmentPort } from './environmentPort.ts';
import { isPortFree } from './ports.ts';
import { stopRequest } from './stopRequest.ts';

const folder = new URL('../../examples/after-the-call/', import.meta.url);

await runCommand({
  name: 'after-the-call',
  options: {
    url: text('URL', 'where summaries go (else HAND_ON_URL, else a receiver that shows them here)'),
    'storage-port': port("Azurite's port (else STORAGE_PORT, else 10000)"),
    'queue-port': port("that of Azurite's queues (else the one after it)"),
  },
  details: [
    'Runs examples/after-the-call on the stand-in for the Functions host, so that nothing has to be installed. Its other',
    'settings come from the environment: HAND_ON_TOKEN, TRANSCRIPT_STORAGE_PATH.',
  ].join('\n'),
  async run({ values }) {
    const storagePort = values['storage-port'] ?? readEnvironmentPort('STORAGE_PORT') ?? 10_000;
    const queuePort = values['queue-port'] ?? storagePort + 1;
    if (await isPortFree(queuePort))
      throw new Failure(
        `No queue answers on port ${queuePort}. Start it with ${commandLine('start', ['--stored-call-events'])}`,
      );
    const to = values.url ?? process.env['HAND_ON_URL'];
    const receiver = to ? undefined : await startReceiver();
    Object.assign(process.env, {
      Calls: connectionString(storagePort, queuePort),
      HAND_ON_URL: to || receiver?.url,
    });
    const host = await startHost(
      { port: 0, write, folder },
      () => import('../../examples/after-the-call/src/index.ts'),
    );
    console.log(`Reads       stored-calls at http://127.0.0.1:${queuePort}/devstoreaccount1`);
    console.log(
      `Hands on    to ${receiver === undefined ? 'the address that was given' : 'a receiver here, which shows it'}`,
    );
    console.log('Stop        Ctrl-C');
    await stopRequest();
    await host.close();
    receiver?.close();
    return 0;
  },
});
process.exit();

function write({ level, message, functionName }: HostLine): void {
  if (functionName !== undefined && level !== 'trace' && level !== 'debug') console.log(`${functionName}: ${message}`);
}

/** Takes every call, and shows it. */
async function startReceiver(): Promise<{ url: string; close: () => void }> {
  const server = createServer(async (request, response) => {
    console.log(JSON.stringify(JSON.parse(await readText(request)), undefined, 2));
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: own } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${own}/calls`, close: () => server.closeAllConnections() };
}
