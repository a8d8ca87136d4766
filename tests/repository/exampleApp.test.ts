import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = join(root, 'examples/after-the-call');
const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
const manifest = readJson(join(folder, 'package.json'));

test('the example depends on the versions that the tests run it with', () => {
  const { dependencies, devDependencies } = readJson(join(root, 'package.json'));
  const tested = { ...dependencies, ...devDependencies };
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))
    expect([name, tested[name]]).toEqual([name, version]);
});

test('the example builds by its own tsconfig.json to what its package.json names', () => {
  const out = mkdtempSync(join(tmpdir(), 'after-the-call-'));
  onTestFinished(() => rmSync(out, { recursive: true }));
  execFileSync(process.execPath, [join(root, 'node_modules/.bin/tsc'), '-p', folder, '--outDir', join(out, 'dist')]);
  expect(readFileSync(join(out, manifest.main), 'utf8')).toContain("from './afterTheCall.js'");
});

test('the example takes messages from the queue of the template', () => {
  const source = readFileSync(join(folder, 'src/index.ts'), 'utf8');
  const [, queue = ''] = /queueName: '([\w-]+)'/.exec(source) ?? [];
  expect(readFileSync(join(root, 'infra/modules/events.bicep'), 'utf8')).toContain(`var queueName = '${queue}'`);
});
