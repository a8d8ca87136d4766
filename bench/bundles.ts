import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Bundles an entry point (a path from the root) as the app itself is bundled; returns the path of the bundle. */
export function bundle(entryPoint: string): string {
  const name = basename(entryPoint, '.ts');
  const { status, stderr } = spawnSync(
    process.execPath,
    ['tools/maintain/build.mjs', entryPoint, `.bench/bundles/${name}`],
    {
      cwd: root,
    },
  );
  if (status !== 0) throw new Error(`${entryPoint} could not be bundled: ${stderr}`);
  return `${root}.bench/bundles/${name}/${name}.js`;
}

/** Bundles one package alone; returns the path of the bundle. */
export function bundlePackage(name: string): string {
  const entryPoint = `.bench/packages/${name.replace(/\W+/g, '_')}.ts`;
  mkdirSync(`${root}.bench/packages`, { recursive: true });
  // Something has to use the package, or the bundler leaves it out.
  writeFileSync(`${root}${entryPoint}`, `import * as all from '${name}';\nObject.assign(globalThis, { all });\n`);
  return bundle(entryPoint);
}

/** The packages whose code is in these bundled files, by the source maps that stand beside them. */
export function packagesIn(files: readonly string[]): Set<string> {
  const sources = files
    .map((file) => `${file}.map`)
    .filter((map) => existsSync(map))
    .flatMap((map) => JSON.parse(readFileSync(map, 'utf8')).sources as string[]);
  // A package that was bundled before it was published names its sources by the second form.
  const names = sources.map((source) => /^(?:.*node_modules|webpack:\/)\/((?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1]);
  return new Set(names.filter((name) => name !== undefined));
}

/** The packages that the app may use when it runs. */
export function runtimeDependencies(): string[] {
  return Object.keys(JSON.parse(readFileSync(`${root}package.json`, 'utf8')).dependencies);
}

/** How long a fresh process takes to import a bundled package. */
export function importMs(file: string): number {
  const script = `const start = performance.now(); await import(${JSON.stringify(pathToFileURL(file).href)}); console.log(performance.now() - start);`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return Number(output);
}

/** How long a process takes that does nothing. */
export async function nodeMs(): Promise<number> {
  const start = performance.now();
  execFileSync(process.execPath, ['-e', '0']);
  return performance.now() - start;
}
