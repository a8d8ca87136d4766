import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { run } from './run.ts';

test('npm run storage runs Azurite alone and ends cleanly', async () => {
  const storage = run(['tools/cli/storage.ts', '--port', '0']);
  await storage.says('Ctrl-C');
  const port = /http:\/\/127\.0\.0\.1:(\d+)\//.exec(storage.text())?.[1];
  expect((await fetch(`http://127.0.0.1:${port}/devstoreaccount1?comp=list`)).status).toBe(403);
  storage.child.kill('SIGTERM');
  expect(await storage.ended).toBe(0);
});

test('npm run storage names a taken port and how to choose another', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const storage = run(['tools/cli/storage.ts'], { STORAGE_PORT: String(port) });
  expect(await storage.ended).toBe(1);
  expect(storage.text()).toContain(`npm run storage -- --port ${port + 10}`);
  other.close();
});
