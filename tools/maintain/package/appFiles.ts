import { readdirSync, readFileSync } from 'node:fs';
import { notices } from './notices.ts';
import type { ThirdParty } from './thirdParties.ts';

/** Paths within the package, and what they hold. */
export type AppFiles = Record<string, Uint8Array>;

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly main: string;
  readonly engines: object;
}

/**
 * All that the Functions host needs to run the app without node_modules, and the licences. No source maps: Node reads them
 * only when told to, and they would make the package four times as big; the build leaves them in `dist`.
 */
export function appFiles(repository: URL, manifest: Manifest, parties: readonly ThirdParty[]): AppFiles {
  const { name, version, license, main, engines } = manifest;
  const shipped = { name, version, private: true, license, type: 'module', main, engines };
  const read = (path: string) => readFileSync(new URL(path, repository));
  const bundle = readdirSync(new URL('dist/', repository), { recursive: true, encoding: 'utf8' })
    .map((path) => `dist/${path.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.js'))
    .sort();
  return {
    'host.json': read('host.json'),
    'package.json': Buffer.from(`${JSON.stringify(shipped, null, 2)}\n`),
    LICENSE: read('LICENSE'),
    'THIRD-PARTY-NOTICES.txt': Buffer.from(notices(parties)),
    ...Object.fromEntries(bundle.map((path) => [path, read(path)])),
  };
}
