import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from './run.ts';
import { serve } from './served.ts';

const repository = new URL('../../', import.meta.url);
const readJson = (path: string) => JSON.parse(readFileSync(new URL(path, repository), 'utf8'));
const { dependencies } = readJson('package.json');
const lockfile: {
  packages: Record<string, { version: string; integrity?: string; dev?: boolean; optional?: boolean }>;
} = readJson('package-lock.json');
let folder: string;
let report: { file: string; bytes: number; unzippedBytes: number; sha256: string };
let files: Record<string, Uint8Array>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'package-'));
  report = await pack('first');
  files = unzipSync(readFileSync(report.file));
});

afterAll(() => rm(folder, { recursive: true }));

async function pack(name: string, environment: NodeJS.ProcessEnv = {}): Promise<typeof report> {
  const packed = run(['tools/maintain/package.ts', '--json', '--out', join(folder, name)], environment);
  expect(await packed.ended, packed.text()).toBe(0);
  return JSON.parse(/^\{.*\}$/m.exec(packed.text())?.[0] ?? '');
}

test('the package runs in an empty folder, without node_modules: health, a transcript, a recording and a call to come', async () => {
  const app = join(folder, 'unpacked');
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(app, path)), { recursive: true });
    await writeFile(join(app, path), bytes);
  }
  const { url, stop } = await serve({}, ['--app', app]);
  try {
    for (const event of [['--health'], ['post_call_transcription'], ['post_call_audio'], ['pre-call']]) {
      const sent = run(['tools/cli/send.ts', ...event, '--url', url]);
      expect([await sent.ended, sent.text()], event.join()).toEqual([0, expect.stringContaining('200 (as expected)')]);
    }
  } finally {
    await stop();
  }
});

test('it holds the bundle, host.json, package.json and licences, and nothing else', () => {
  const others = Object.keys(files).filter((path) => !/^dist\/[\w/.-]+\.js$/.test(path));
  expect(others.sort()).toEqual(['LICENSE', 'THIRD-PARTY-NOTICES.txt', 'host.json', 'package.json']);
  expect(Object.keys(files)).toContain('dist/index.js');
});

test('it asks for nothing that is neither in it nor of Node and the Functions host', () => {
  const { outputs } = readJson('dist/meta.json') as { outputs: Record<string, { imports: { path: string }[] }> };
  const asked = new Set(Object.values(outputs).flatMap(({ imports }) => imports.map(({ path }) => path)));
  const provided = (path: string) => isBuiltin(path) || files[path] !== undefined;
  expect([...asked].filter((path) => !provided(path)).sort()).toEqual(['@azure/functions-core', 'supports-color']);
});

test('it knows no development secret and no place on the machine that built it', () => {
  const text = Object.values(files)
    .map((bytes) => Buffer.from(bytes).toString('latin1'))
    .join('\n');
  expect(text).toContain('ELEVENLABS_WEBHOOK_SECRET');
  expect(text).not.toContain('wsec_local_development_only');
  expect(text).not.toContain(repository.pathname);
});

test('its package.json names the entry point and the version of the running code, and no dependency to install', () => {
  const manifest = JSON.parse(Buffer.from(files['package.json'] ?? []).toString());
  const { version, main } = readJson('package.json');
  expect(manifest).toMatchObject({ main, type: 'module' });
  const [number, commit] = manifest.version.split('+');
  expect(number).toBe(version);
  // Without git there is no commit to name.
  expect(commit ?? '000000000000').toMatch(/^[0-9a-f]{12}(-dirty)?$/);
  const code = Object.values(files).map((bytes) => Buffer.from(bytes).toString('latin1'));
  expect(code.join('\n')).toContain(`"${manifest.version}"`);
  expect(Object.keys(manifest).filter((key) => /dependencies|scripts/i.test(key))).toEqual([]);
});

test('the SBOM names every package that has code in it, by the version and hash of the lockfile, and none of development', () => {
  const bom = JSON.parse(readFileSync(join(folder, 'first/sbom.cdx.json'), 'utf8'));
  expect(bom).toMatchObject({
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    metadata: { component: { name: 'elevenlabs-webhook' } },
  });
  const locked = Object.entries(lockfile.packages)
    .filter(([, { dev, optional }]) => dev !== true && optional !== true)
    .map(([path, { version, integrity }]) => `${path.replace(/^.*node_modules\//, '')}@${version} ${integrity}`);
  const listed = bom.components.map(
    ({ name, version, hashes }: { name: string; version: string; hashes: { content: string }[] }) =>
      `${name}@${version} sha512-${Buffer.from(hashes[0]?.content ?? '', 'hex').toString('base64')}`,
  );
  expect(listed.filter((one: string) => !locked.includes(one))).toEqual([]);
  const names = bom.components.map(({ name }: { name: string }) => name);
  expect(names).toEqual(expect.arrayContaining(Object.keys(dependencies)));
});

test('each of these packages has its licence in the notices', () => {
  const bom = JSON.parse(readFileSync(join(folder, 'first/sbom.cdx.json'), 'utf8'));
  const text = Buffer.from(files['THIRD-PARTY-NOTICES.txt'] ?? []).toString();
  for (const { name, version, licenses } of bom.components) {
    expect(text).toContain(`${name} ${version} (${licenses[0].license?.id ?? licenses[0].expression})`);
  }
  expect(text).not.toMatch(/\((undefined|none stated)\)/);
});

test('it is smaller than 5 MB', () => {
  expect(report.bytes).toBe(readFileSync(report.file).length);
  expect(report.bytes).toBeLessThan(5_000_000);
});

test('the same build gives the same bytes, whatever the time zone', async () => {
  expect((await pack('second', { TZ: 'Pacific/Auckland' })).sha256).toBe(report.sha256);
});

test('--app with a folder that holds no app says so', async () => {
  const served = run(['tools/cli/serve.ts', '--app', folder]);
  expect(await served.ended).toBe(1);
  expect(served.text()).toContain('no package.json beside a host.json');
});
