import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build, stop } from 'esbuild';

interface Asset {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** What the browser loads, by path. */
export type Assets = ReadonlyMap<string, Asset>;

const folder = new URL('../../../page/', import.meta.url);

let bundled: Promise<Assets> | undefined;

/** Bundles tools/page/, all of it: the page asks no other machine for anything. Takes a moment, so once a process. */
export function bundlePage(): Promise<Assets> {
  bundled ??= bundle().catch((error: unknown) => {
    bundled = undefined;
    throw error;
  });
  return bundled;
}

async function bundle(): Promise<Assets> {
  const { outputFiles } = await build({
    absWorkingDir: fileURLToPath(folder),
    entryPoints: { page: 'main.tsx', style: 'page.css' },
    outdir: '/',
    write: false,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2023',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'eof',
    logLevel: 'warning',
  });
  await stop(); // its process would stay
  const built = outputFiles.map(({ path, contents }): [string, Asset] => {
    const name = path.slice(path.replaceAll('\\', '/').lastIndexOf('/') + 1);
    return [`/${name}`, { type: name.endsWith('.css') ? 'text/css' : 'text/javascript', bytes: contents }];
  });
  return new Map([
    ...built,
    ['/', { type: 'text/html; charset=utf-8', bytes: await readFile(new URL('index.html', folder)) }],
    ['/icon.svg', { type: 'image/svg+xml', bytes: await readFile(new URL('icon.svg', folder)) }],
  ]);
}
