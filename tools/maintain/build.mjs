// Bundles the app for deployment: dist/index.js and the chunks that it loads lazily. Needs no node_modules at run time.
// Given an entry point and a folder, it bundles another app in the same way: the bench compares with some.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const [entryPoint = 'src/index.ts', outdir = 'dist'] = process.argv.slice(2);

const version = versionOfTree();

await rm(resolve(root, outdir), { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: [entryPoint],
  outdir,
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  platform: 'node',
  format: 'esm',
  target: 'node22',
  // Not the names: logs have those of errors, and to give them back (keepNames) would cost a call for each function made.
  minifyWhitespace: true,
  minifySyntax: true,
  sourcemap: 'linked',
  metafile: true,
  legalComments: 'none',
  logLevel: 'warning',
  // The Functions host answers the first; it is not a package. The second is what debug asks for and does without: it is
  // installed for development only, so its code has no place in production.
  external: ['@azure/functions-core', 'supports-color'],
  // Bundled CommonJS still asks for require and the file globals, which an ES module does not have.
  define: { __filename: '__file', __dirname: '__dir', __VERSION__: JSON.stringify(version) },
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url), __file = import.meta.filename, __dir = import.meta.dirname;",
  },
});
// The version, and which source went into which file: what npm run package reads.
await writeFile(resolve(root, outdir, 'meta.json'), JSON.stringify({ version, ...metafile }));

/** `1.2.0+3d3c42e5aac5`, with `-dirty` when files differ from that commit, and without it where there is no git. */
function versionOfTree() {
  const { version } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'));
  try {
    const describe = ['describe', '--always', '--dirty', '--abbrev=12', '--exclude=*'];
    const options = { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
    return `${version}+${execFileSync('git', describe, options).trim()}`;
  } catch {
    return version;
  }
}
