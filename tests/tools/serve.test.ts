import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { startAzurite } from '../../tools/local/azurite.ts';
import { until } from '../support/until.ts';
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
  const begin = Date.now();
  const served = serve(['--port', String(port), '--storage-port', '0']);
  await served.says('Ctrl-C');
  const startMs = Date.now() - begin;
  expect(served.text()).toContain(`POST      http://127.0.0.1:${port}/elevenlabs/webhook`);
  expect(served.text()).toContain('wsec_local_development_only');
  expect(served.text()).toContain(`npm run send -- post_call_transcription --url http://127.0.0.1:${port}`);
  const page = /^ {2}Calls +(http:\/\/127\.0\.0\.1:\d+\/\?token=\S+)$/m.exec(served.text())?.[1] ?? '';
  expect((await fetch(page)).status).toBe(200);
  const health = await fetch(`http://127.0.0.1:${port}/health`);
  const { status, version } = (await health.json()) as { status: string; version: string };
  expect([health.status, status]).toEqual([200, 'healthy']);
  expect(served.text()).toContain(`start  version=${version}  node=${process.version}`);

  const sent = run(['tools/cli/send.ts', 'post_call_transcription', '--twice'], { PORT: String(port) });
  expect([await sent.ended, sent.text()]).toEqual([0, expect.stringContaining('200 (as expected)')]);

  const interrupted = Date.now();
  served.child.kill('SIGINT');
  expect(await served.ended).toBe(0);
  // It takes half a minute if it waits for connections that are kept alive.
  expect(Date.now() - interrupted).toBeLessThan(5 * startMs);
});

test('it ends when the npm that runs it is ended', async () => {
  const port = await freePort();
  const command = `"${process.execPath}" tools/cli/serve.ts --port ${port} --storage-port 0; true`;
  const shell = spawn('sh', ['-c', command], { env: { ...process.env, npm_lifecycle_event: 'start' } });
  const health = () => fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
  await until(async () => (await health()) !== undefined);
  shell.kill('SIGTERM');
  await until(async () => (await health()) === undefined);
});

test('a delivery and a refusal are a line each that a person can read; LOG_LEVEL=DEBUG adds every field', async () => {
  const short = await serveAndSend({});
  expect(short).toMatch(/^\d\d:\d\d:\d\d {2}200 stored {2}transcription {2}conv_4801…0001 {2}20 kB {2}\d+ ms$/m);
  expect(short).toMatch(
    /^\d\d:\d\d:\d\d {2}401 refused {2}signature_mismatch {2}20 kB {2}\d+ ms\n {10}\S.*secret of another webhook/m,
  );
  expect(short).not.toContain('blob=');
  const debug = await serveAndSend({ LOG_LEVEL: 'DEBUG' });
  expect(debug).toMatch(/^ {10}event=post_call_transcription .*secret=1 .*blob=transcripts\//m);
  expect(debug).not.toContain('\u001b');
});

test('LOG_FORMAT=json gives one JSON object a line and nothing else', async () => {
  const text = await serveAndSend({ LOG_FORMAT: 'json' });
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toMatchObject([
    { level: 'WARNING', message: expect.stringContaining('ELEVENLABS_PRECALL_WEBHOOK_SECRET') },
    { level: 'WARNING', message: expect.stringContaining('PRECALL_AGENT_IDS') },
    { level: 'INFO', message: 'start', version: expect.any(String) },
    { level: 'INFO', message: 'serving', url: expect.stringMatching(/^http:/) },
    { level: 'INFO', message: 'delivery', function: 'postCallWebhook', outcome: 'stored', status: 200 },
    { level: 'WARNING', message: 'delivery', outcome: 'refused', code: 'signature_mismatch' },
  ]);
});

async function serveAndSend(environment: NodeJS.ProcessEnv): Promise<string> {
  const served = serve(['--port', '0', '--storage-port', '0'], environment);
  await served.says('Ctrl-C');
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(served.text())?.[0] ?? '';
  for (const more of [[], ['--invalid']]) {
    const sent = run(['tools/cli/send.ts', 'post_call_transcription', ...more, '--url', url]);
    expect(await sent.ended, sent.text()).toBe(0);
  }
  await served.says(/refused.*\n/);
  served.child.kill('SIGTERM');
  await served.ended;
  return served.text();
}

test('--inspect lets a debugger attach, and stack traces lead to the source with line breaks of their own', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'app-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'package.json'), '{"type":"module","main":"dist/thrower.js"}');
  writeFileSync(join(folder, 'host.json'), '{}');
  const build = ['tools/maintain/build.mjs', 'tests/support/thrower.ts', join(folder, 'dist')];
  execFileSync(process.execPath, build, { cwd: fileURLToPath(new URL('../../', import.meta.url)) });
  const served = serve(['--port', '0', '--storage-port', '0', '--app', folder, '--inspect']);
  await served.says('Ctrl-C');
  expect(served.text()).toMatch(/Debugger listening on ws:\/\/127\.0\.0\.1:\d+/);
  const url = /GET +(http:\S+)/.exec(served.text())?.[1] ?? '';
  await fetch(url);
  await served.says(/500 failed.*\n +Error: thrown on purpose\n +at .*thrower\.ts:\d+:\d+/);
});

test('a secret of the user is never printed', async () => {
  const served = serve(['--port', '0', '--storage-port', '0'], { ELEVENLABS_WEBHOOK_SECRET: 'wsec_of_the_user' });
  await served.says('Ctrl-C');
  expect(served.text()).not.toContain('wsec_');
});

/** Something else that listens on a port of 127.0.0.1: the given one, or a free one. */
async function occupy(port = 0): Promise<number> {
  const other = createServer().listen(port, '127.0.0.1');
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  return (other.address() as AddressInfo).port;
}

test('a taken app port that was asked for is named, and how to choose another, with what was given besides', async () => {
  const port = await occupy();
  const asked = serve([], { PORT: String(port) });
  expect(await asked.ended).toBe(1);
  expect(asked.text()).toContain(`Port ${port} on 127.0.0.1 is taken`);
  expect(asked.text()).toMatch(/npm start -- --port \d+ /);

  const given = serve(['--port', String(port), '--storage-port', '10999', '--inspect']);
  expect(await given.ended).toBe(1);
  expect(given.text()).toMatch(/npm start -- --port \d+ --storage-port 10999 --inspect/);
});

test('a taken storage port that was asked for is named, and how to choose another', async () => {
  const port = await occupy();
  const environment = { AzureWebJobsStorage: 'UseDevelopmentStorage=true' };
  const served = serve(['--port', '0', '--storage-port', String(port)], environment);
  expect(await served.ended).toBe(1);
  expect(served.text()).toContain(`storage port ${port} on 127.0.0.1 is taken`);
  expect(served.text()).toMatch(/npm start -- --port 0 --storage-port \d+/);
});

test('ports that nobody asked for give way to taken ones, and every command in the banner has them', async () => {
  // Perhaps something on this machine has them already.
  for (const port of [7071, 10_000]) await occupy(port).catch(() => {});
  const served = serve([]);
  await served.says('Ctrl-C');
  const [, app = ''] = /POST +(http:\S+)\/elevenlabs\/webhook/.exec(served.text()) ?? [];
  const [, storage = ''] = /127\.0\.0\.1:(\d+)\/devstoreaccount1/.exec(served.text()) ?? [];
  expect(app).not.toContain('7071');
  expect(served.text()).toContain('port 7071 was taken');
  expect(served.text()).toContain('port 10000 was taken');
  expect(served.text()).toContain(`npm run send -- post_call_transcription --url ${app}`);
  expect(served.text()).toContain(`npm run blobs -- --storage-port ${storage}`);
  expect((await fetch(`${app}/health`)).status).toBe(200);
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
  ['--watch', '--app=out/app'],
])('%s %s is wrong usage', async (...args) => {
  const served = serve(args);
  expect(await served.ended).toBe(2);
  expect(served.text()).toContain('npm start -- --help says more');
});

/** The process that another one has started; Linux only, like the machines that run these tests. */
async function childOf(pid: number): Promise<number> {
  const children = () => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  await until(() => Number(children()[0]) > 0);
  return Number(children()[0]);
}
