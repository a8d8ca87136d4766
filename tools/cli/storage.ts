// npm run storage: Azurite alone, for "func start" and for looking at blobs with other tools.
import { parseArgs } from 'node:util';
import { type Azurite, type AzuritePersistence, keptFor, startAzurite } from '../local/azurite.ts';
import { PortTakenError, parsePort } from './ports.ts';
import { stopRequest } from './stopRequest.ts';

const usage = `Usage: npm run storage [-- --port N]

Runs Azurite's blob service on 127.0.0.1, port 10000 (or --port, or STORAGE_PORT). Blobs stay in .azurite/<port>/.`;

process.exitCode = await main();

async function main(): Promise<number> {
  const port = readPort();
  if (typeof port !== 'number') {
    console.error(port.problem === undefined ? usage : `${port.problem}\n\n${usage}`);
    return port.problem === undefined ? 0 : 2;
  }
  try {
    const kept = keptFor(port);
    return await keepRunning(await startAzurite({ port, ...kept }), kept);
  } catch (error) {
    console.error(error instanceof PortTakenError ? portTaken(port) : `Azurite could not be started. ${error}`);
    return 1;
  }
}

async function keepRunning(azurite: Azurite, kept: AzuritePersistence): Promise<number> {
  console.log(`Blob storage   http://127.0.0.1:${azurite.port}/devstoreaccount1`);
  console.log(`Kept in        ${'location' in kept ? kept.location : 'memory'}`);
  console.log(`Connection     ${azurite.port === 10000 ? 'UseDevelopmentStorage=true' : azurite.connectionString}`);
  console.log('Stop           Ctrl-C');
  stopRequest().then(() => azurite.stop());
  const { expected, output } = await azurite.ended;
  if (expected) return 0;
  console.error(`Azurite ended unexpectedly. ${output.trim()}`);
  return 1;
}

function readPort(): number | { problem?: string } {
  let values: { port?: string; help?: boolean };
  try {
    ({ values } = parseArgs({ options: { port: { type: 'string' }, help: { type: 'boolean', short: 'h' } } }));
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
  if (values.help === true) return {};
  const text = values.port ?? (process.env['STORAGE_PORT'] || '10000');
  return parsePort(text) ?? { problem: `"${text}" is no port number` };
}

function portTaken(port: number): string {
  return `Port ${port} on 127.0.0.1 is taken, perhaps by another Azurite. Choose another: npm run storage -- --port ${port + 10}
(or STORAGE_PORT=${port + 10}). An app that is to use it then needs the connection string instead of UseDevelopmentStorage=true.`;
}
