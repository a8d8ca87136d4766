import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { BlobServiceClient } from '@azure/storage-blob';
import { expect, test } from 'vitest';
import { PortTakenError } from '../../tools/cli/ports.ts';
import { keptFor, startAzurite } from '../../tools/local/azurite.ts';
import { until } from '../support/until.ts';

const inMemory = true;

test('Azurite serves blobs on a free port until it is stopped', async () => {
  const azurite = await startAzurite({ port: 0, inMemory });
  const client = BlobServiceClient.fromConnectionString(azurite.connectionString);
  await client.createContainer('some-container');
  expect(azurite.connectionString).toContain(`http://127.0.0.1:${azurite.port}/`);
  await azurite.stop();
  expect((await azurite.ended).expected).toBe(true);
  expect(isAlive(azurite.pid)).toBe(false);
});

test('a taken port is an error of its own', async () => {
  const first = await startAzurite({ port: 0, inMemory });
  await expect(startAzurite({ port: first.port, inMemory })).rejects.toBeInstanceOf(PortTakenError);
  await first.stop();
});

test('an Azurite that dies is reported', async () => {
  const azurite = await startAzurite({ port: 0, inMemory });
  process.kill(azurite.pid, 'SIGKILL');
  expect((await azurite.ended).expected).toBe(false);
});

test('Azurite does not outlive the process that started it', async () => {
  const module = fileURLToPath(new URL('../../tools/local/azurite.ts', import.meta.url));
  const script = `import { startAzurite } from ${JSON.stringify(module)};
    const { pid } = await startAzurite({ port: 0, inMemory: true });
    console.log(pid);
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [pid] = await once(owner.stdout.setEncoding('utf8'), 'data');
  expect(isAlive(Number(pid))).toBe(true);
  owner.kill('SIGKILL');
  await until(() => !isAlive(Number(pid)));
});

test('each port has a folder of its own', () => {
  expect(keptFor(10000)).not.toEqual(keptFor(10010));
  expect(keptFor(0)).toEqual({ inMemory: true });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
