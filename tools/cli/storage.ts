// npm run storage: Azurite alone, for "func start" and for looking at blobs with other tools.
import { commandLine } from '../command/commandLine.ts';
import { Failure } from '../command/errors.ts';
import { port } from '../command/option.ts';
import { runCommand } from '../command/run.ts';
import { type Azurite, type AzuritePersistence, keptFor, startAzurite } from '../local/azurite.ts';
import { readEnvironmentPort } from './environmentPort.ts';
import { PortTakenError } from './ports.ts';
import { stopRequest } from './stopRequest.ts';

await runCommand({
  name: 'storage',
  options: { port: port('where (else STORAGE_PORT, else 10000)') },
  details: 'Listens on 127.0.0.1. Blobs stay in .azurite/<port>/.',
  async run({ values }) {
    const port = values.port ?? readEnvironmentPort('STORAGE_PORT') ?? 10000;
    const kept = keptFor(port);
    return keepRunning(await startAzurite({ port, ...kept }).catch(explained(port)), kept);
  },
});

async function keepRunning(azurite: Azurite, kept: AzuritePersistence): Promise<number> {
  console.log(`Blob storage   http://127.0.0.1:${azurite.port}/devstoreaccount1`);
  console.log(`Kept in        ${'location' in kept ? kept.location : 'memory'}`);
  console.log(`Connection     ${azurite.port === 10000 ? 'UseDevelopmentStorage=true' : azurite.connectionString}`);
  console.log('Stop           Ctrl-C');
  stopRequest().then(() => azurite.stop());
  const { expected, output } = await azurite.ended;
  if (expected) return 0;
  throw new Failure(`Azurite ended unexpectedly. ${output.trim()}`);
}

function explained(port: number) {
  return (error: unknown): never => {
    if (!(error instanceof PortTakenError))
      throw new Failure(`Azurite could not be started. ${error}`, { cause: error });
    throw new Failure(
      `Port ${port} on 127.0.0.1 is taken, perhaps by another Azurite. Choose another: ${commandLine('storage', ['--port', String(port + 10)])}
(or set STORAGE_PORT). An app that is to use it then needs the connection string instead of UseDevelopmentStorage=true.`,
      { cause: error },
    );
  };
}
