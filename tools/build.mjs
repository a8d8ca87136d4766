// Bundles the app for deployment: dist/index.js and the chunks that it loads lazily. Needs no node_modules at run time.
import { rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

await rm(resolve(root, 'dist'), { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['src/index.ts'],
  outdir: 'dist',
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  platform: 'node',
  format: 'esm',
  target: 'node22',
  minify: true,
  keepNames: true,
  sourcemap: 'linked',
  metafile: true,
  legalComments: 'none',
  logLevel: 'warning',
  // The Functions host answers the first; it is no package. The second is what debug asks for and does without: it is
  // installed for development only, so its code has no place in production.
  external: ['@azure/functions-core', 'supports-color'],
  // Bundled CommonJS still asks for require and the file globals, which an ES module does not have.
  define: { __filename: '__file', __dirname: '__dir' },
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url), __file = import.meta.filename, __dir = import.meta.dirname;",
  },
});
// Which source went into which file: what npm run package takes its list of third parties from.
await writeFile(resolve(root, 'dist/meta.json'), JSON.stringify(metafile));
