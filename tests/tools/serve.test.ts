import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { startAzurite } from '../../tools/local/azurite.ts';
import { freePort, type Run, run } from './run.ts';

const tool = ['tools/cli/serve.ts'];
let running: Run[] = [];

function serve(args: string[], environment: NodeJS.ProcessEnv = {}): Run {
  const served = run([...tool, ...args], environment);
  running.push(served);
  return served;
}

afterEach(async () => {
  for (const { child } of running) child.kill('SIGTERM');
  await Promise.all(running.map(({ ended }) => ended));
  running = [];
});

test('npm start serves the app, says how to use it, and ends cleanly', async () => {
  const port = await freePort();
  const served = serve(['--port', String(port), '--storage-port', '0']);
  await served.says('Ctrl-C');
  expect(served.text()).toContain(`POST      http://127.0.0.1:${port}/elevenlabs/webhook`);
  expect(served.text()).toContain('wsec_local_development_only');
  expect(served.text()).toContain(`npm run send -- post_call_transcription --url http://127.0.0.1:${port}`);
  expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);

  const sent = run(['tools/cli/send.ts', 'post_call_transcription', '--twice'], { PORT: String(port) });
  expect([await sent.ended, sent.text()]).toEqual([0, expect.stringContaining('200 (as expected)')]);

  const begin = Date.now();
  served.child.kill('SIGINT');
  expect(await served.ended).toBe(0);
  expect(Date.now() - begin).toBeLessThan(3_000);
});

test('it ends when the npm that runs it is ended', async () => {
  const port = await freePort();
  const command = `"${process.execPath}" tools/cli/serve.ts --port ${port} --storage-port 0; true`;
  const shell = spawn('sh', ['-c', command], { env: { ...process.env, npm_lifecycle_event: 'start' } });
  const health = () => fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
  await vi.waitUntil(async () => (await health()) !== undefined, { timeout: 20_000 });
  shell.kill('SIGTERM');
  await vi.waitUntil(async () => (await health()) === undefined, { timeout: 5_000 });
});

test('a secret of the user is never printed', async () => {
  const served = serve(['--port', '0', '--storage-port', '0'], { ELEVENLABS_WEBHOOK_SECRET: 'wsec_of_the_user' });
  await served.says('Ctrl-C');
  expect(served.text()).not.toContain('wsec_');
});

test('a taken app port is named, and how to choose another', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const served = serve([], { PORT: String(port) });
  expect(await served.ended).toBe(1);
  expect(served.text()).toContain(`Port ${port} on 127.0.0.1 is taken`);
  expect(served.text()).toContain(`npm start -- --port ${port + 1}`);
  other.close();
});

test('a taken storage port is named, and how to choose another', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const environment = { AzureWebJobsStorage: 'UseDevelopmentStorage=true' };
  const served = serve(['--port', '0', '--storage-port', String(port)], environment);
  expect(await served.ended).toBe(1);
  expect(served.text()).toContain(`storage port ${port} on 127.0.0.1 is taken`);
  expect(served.text()).toContain(`npm start -- --storage-port ${port + 10}`);
  other.close();
});

test('a blob service that the environment names is used as it is; otherwise its port counts as taken', async () => {
  const azurite = await startAzurite({ port: 0, inMemory: true });
  const args = ['--port', '0', '--storage-port', String(azurite.port)];
  const unnamed = serve(args);
  expect(await unnamed.ended).toBe(1);
  expect(unnamed.text()).toContain('is taken by another blob service');

  const named = serve(args, { CallStorage: azurite.connectionString });
  await named.says('Ctrl-C');
  expect(named.text()).toContain('was running already');
  named.child.kill('SIGTERM');
  expect(await named.ended).toBe(0);
  expect((await fetch(`http://127.0.0.1:${azurite.port}/devstoreaccount1?comp=list`)).status).toBe(403);
  await azurite.stop();
});

test('an account in the cloud is named by its host, without its key, and no Azurite is started', async () => {
  const key = Buffer.from('not a real key').toString('base64');
  const connection = `DefaultEndpointsProtocol=https;AccountName=nosuchaccount;AccountKey=${key};EndpointSuffix=core.windows.net`;
  const served = serve(['--port', '0'], { CallStorage: connection });
  await served.says('Ctrl-C');
  expect(served.text()).toContain('nosuchaccount.blob.core.windows.net');
  expect(served.text()).not.toContain(key);
});

test('an Azurite that crashes is reported and ends the run', async () => {
  const served = serve(['--port', '0', '--storage-port', '0']);
  await served.says('Ctrl-C');
  process.kill(await childOf(served.child.pid ?? 0), 'SIGKILL');
  expect(await served.ended).toBe(1);
  expect(served.text()).toContain('has ended unexpectedly');
});

test.each([
  ['--prot', '1'],
  ['--port', 'x'],
  ['--port', '70000'],
])('%s %s is wrong usage', async (...args) => {
  const served = serve(args);
  expect(await served.ended).toBe(2);
  expect(served.text()).toContain('Usage: npm start');
});

/** The process that another one has started; Linux only, like the machines that run these tests. */
async function childOf(pid: number): Promise<number> {
  const children = () => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  await vi.waitUntil(() => Number(children()[0]) > 0);
  return Number(children()[0]);
}
