import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { statedLicense } from '../../tools/maintain/package/license.ts';

interface Entry {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}

const readJson = (path: string) => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));
const manifest = readJson('package.json');
const lockfile: { lockfileVersion: number; packages: Record<string, Entry> } = readJson('package-lock.json');
const entries = Object.entries(lockfile.packages).filter(([path]) => path !== '');
const nameOf = (path: string) => path.replace(/^.*node_modules\//, '');
const pathsOf = (matches: (entry: Entry) => boolean) =>
  entries.filter(([, entry]) => matches(entry)).map(([path]) => path);

/** May be bundled and passed on with their texts, without a duty beyond that. */
const ALLOWED_LICENSES = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT'];

test('every dependency is pinned to one version, none is fetched from elsewhere', () => {
  const wanted = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies };
  expect(Object.entries(wanted).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)))).toEqual([]);
  expect(pathsOf(({ link }) => link === true)).toEqual([]);
});

test('the lockfile has a SHA-512 for each package and no address', () => {
  expect(lockfile.lockfileVersion).toBe(3);
  expect(pathsOf(({ integrity }) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ''))).toEqual([]);
  expect(pathsOf(({ resolved }) => resolved !== undefined)).toEqual([]);
});

test('the SDK of OpenTelemetry is there once: a copy for each package that pins an older version would be bundled as often', () => {
  // After an update: npm install with the pinned version in "overrides", then without; the lockfile keeps it.
  const names = entries
    .map(([path]) => nameOf(path))
    .filter((name) => /^@opentelemetry\/(core|resources|sdk-)/.test(name));
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  expect(names).toContain('@opentelemetry/core');
});

test('allowScripts names exactly the packages that have an install script, and one alone may run it', () => {
  const scripted = pathsOf(({ hasInstallScript }) => hasInstallScript === true).map(nameOf);
  expect(Object.keys(manifest.allowScripts).sort()).toEqual([...new Set(scripted)].sort());
  expect(Object.entries(manifest.allowScripts).filter(([, isAllowed]) => isAllowed)).toEqual([['node', true]]);
});

test('every package of the production tree has a licence that may be passed on', () => {
  const production = pathsOf(({ dev, optional }) => dev !== true && optional !== true);
  expect(production.length).toBeGreaterThan(0);
  const refused = production
    .map((path) => ({ path, license: statedLicense(readJson(`${path}/package.json`)) }))
    .filter(({ license }) => !license.split(' OR ').some((one) => ALLOWED_LICENSES.includes(one)));
  expect(refused).toEqual([]);
});

test('what is installed is what the lockfile says', () => {
  const differing = entries.filter(([path, { version, optional }]) => {
    const installed = optional === true ? version : readJson(`${path}/package.json`).version;
    return installed !== version;
  });
  expect(differing).toEqual([]);
});
