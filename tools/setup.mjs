// Makes a fresh clone ready: dependencies by the lockfile, Node 22.19 or newer, and with --build the bundle.
// Plain JavaScript without dependencies, because it runs first and may run under an older Node.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));

function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}

function lockedPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/** Compared by content, not by dates: node_modules holds what the lockfile says. */
function isInstalled() {
  const wanted = lockedPackages('package-lock.json');
  const present = lockedPackages('node_modules/.package-lock.json');
  if (wanted === undefined) fail('package-lock.json is missing or no JSON; restore it with git');
  if (present === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const have = present[path];
    if (have === undefined) return entry.optional === true;
    return have.version === entry.version && have.integrity === entry.integrity;
  });
}

function run(command, args) {
  const result = spawnSync(command, args, { stdio: ['inherit', 2, 2] });
  if (result.status === 0) return;
  fail(`"${args.join(' ')}" failed: ${result.error ?? result.signal ?? `exit code ${result.status}`}`);
}

if (process.env.npm_execpath === undefined) fail('start it with npm, for example "npm start" or "npm test"');

const pinned = `node_modules/node/bin/node${process.platform === 'win32' ? '.exe' : ''}`;
// PINNED_NODE=false tries the app on the Node that runs npm. Only an install script brings the pinned one; no other is needed.
const isOwnNode = process.env.PINNED_NODE === 'false';

if (!isInstalled() || (isOwnNode && existsSync(pinned))) {
  console.error('setup: installing the dependencies (about a minute, once)');
  const ci = [process.env.npm_execpath, 'ci', ...(isOwnNode ? ['--ignore-scripts'] : [])];
  run(process.env.npm_node_execpath ?? process.execPath, ci);
}

// This script may itself have run on a pinned Node that is gone by now.
const node = [pinned, process.env.npm_node_execpath ?? '', process.execPath].find((path) => existsSync(path)) ?? 'node';
const version = spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).stdout.trim();
const [major = 0, minor = 0] = version.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  fail(`Node 22.19 or newer is needed, found ${version}, and the pinned Node could not be installed`);
}

if (process.argv.includes('--build')) run(node, ['tools/maintain/build.mjs']);
