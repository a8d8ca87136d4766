import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const run = promisify(execFile);

// Where the thread's code lands is up to the bundler, and a build that loses it fails only with the first sample.
test('bundled as for deployment, samples are measured without node_modules', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bundle-'));
  try {
    await build({
      stdin: {
        contents: `
          import { readFile } from 'node:fs/promises';
          const { checkSample } = await import('./src/lib/preCall/sample/sample.ts');
          const bytes = await readFile(process.argv[2]);
          console.log(JSON.stringify(await checkSample(bytes, { maxBytes: 1e7, minSeconds: 3 })));`,
        resolveDir: resolve('.'),
      },
      outdir: join(folder, 'dist'),
      entryNames: 'index',
      bundle: true,
      splitting: true,
      chunkNames: 'chunks/[name]-[hash]',
      platform: 'node',
      format: 'esm',
      target: 'node22',
      minify: true,
      ...(await optionsOfTheBuild()),
    });
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    const sample = resolve('examples/voice-samples/sample-opus.ogg');
    const { stdout } = await run(process.execPath, ['dist/index.js', sample], { cwd: folder, timeout: 20_000 });
    expect(JSON.parse(stdout)).toMatchObject({ format: 'ogg', durationSeconds: 5 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** The banner and what goes with it, from the build itself. */
async function optionsOfTheBuild() {
  const script = await readFile('tools/maintain/build.mjs', 'utf8');
  const banner = /banner: \{\s*js: "([^"]+)"/.exec(script)?.[1];
  if (banner === undefined)
    throw new Error('tools/maintain/build.mjs has no banner any more: bring this test in line with it');
  return { banner: { js: banner }, define: { __filename: '__file', __dirname: '__dir' } };
}
