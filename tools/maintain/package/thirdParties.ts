import { readdirSync, readFileSync } from 'node:fs';
import { statedLicense } from './license.ts';

/** A package of which code is in the bundle. */
export interface ThirdParty {
  readonly name: string;
  readonly version: string;
  /** SPDX, as the package states it. */
  readonly license: string;
  /** As in the lockfile: `sha512-` and base64. */
  readonly integrity: string;
  /** Its licence and notice files as they are; empty when it has none. */
  readonly texts: readonly string[];
}

interface Metafile {
  outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }>;
}

interface Lockfile {
  packages: Record<string, { integrity?: string }>;
}

/** What the last build has taken from node_modules, told by the bundler itself, in the order of names. */
export function thirdParties(repository: URL): ThirdParty[] {
  const { outputs } = readJson<Metafile>(new URL('dist/meta.json', repository));
  const lockfile = readJson<Lockfile>(new URL('package-lock.json', repository));
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  const folders = new Set(inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => packageOf(path)));
  return [...folders]
    .filter((folder) => folder !== undefined)
    .map((folder) => describe(folder, lockfile, repository))
    .sort((a, b) => (`${a.name}@${a.version}` < `${b.name}@${b.version}` ? -1 : 1));
}

/** The innermost package that a file belongs to: `node_modules/a/node_modules/@b/c`. */
function packageOf(path: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0];
}

function describe(folder: string, lockfile: Lockfile, repository: URL): ThirdParty {
  const place = new URL(`${folder}/`, repository);
  const manifest = readJson<{ name: string; version: string; license?: string }>(new URL('package.json', place));
  const { name, version } = manifest;
  const integrity = lockfile.packages[folder]?.integrity;
  if (integrity === undefined) throw new Error(`${folder} is in the bundle, but not in package-lock.json`);
  const files = readdirSync(place, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /^(licen[cs]e|notice|copying)/i.test(entry.name))
    .map(({ name: file }) => file);
  const texts = files.sort().map((file) => readFileSync(new URL(file, place), 'utf8').replace(/\r\n/g, '\n').trim());
  return { name, version, license: statedLicense(manifest), integrity, texts };
}

function readJson<T>(file: URL): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}
