import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

// Where the thread's code lands is up to the bundler, and a build that loses it fails only with the first sample.
test('bundled as for deployment, samples are measured without node_modules', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bundle-'));
  try {
    const entry = join(folder, 'index.ts');
    await writeFile(
      entry,
      `import { readFile } from 'node:fs/promises';
      const { checkSample } = await import('${resolve('src/lib/preCall/sample/sample.ts')}');
      const bytes = await readFile(process.argv[2]);
      console.log(JSON.stringify(await checkSample(bytes, { maxBytes: 1e7, minSeconds: 3 })));`,
    );
    const dist = join(folder, 'dist');
    await run(process.execPath, ['tools/maintain/build.mjs', entry, dist], { timeout: 120_000 });
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    const sample = resolve('examples/voice-samples/sample-opus.ogg');
    const { stdout } = await run(process.execPath, [join(dist, 'index.js'), sample], { cwd: folder, timeout: 120_000 });
    expect(JSON.parse(stdout)).toMatchObject({ format: 'ogg', durationSeconds: 5 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
