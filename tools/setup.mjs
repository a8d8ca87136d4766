// Makes a fresh clone ready: dependencies by the lockfile, Node 22.19 or newer, and with --build the bundle.
// Plain JavaScript without dependencies, because it runs first and may run under an older Node.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST = '22.19';
/** Where the npm package "node" has the pinned version's binary; on others the Node that runs npm is used. */
const HAS_PINNED = ['linux-x64', 'linux-arm64', 'win32-x64'];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const isWindows = process.platform === 'win32';
const pinned = `node_modules/node/bin/node${isWindows ? '.exe' : ''}`;

if (realpathSync(process.argv[1] ?? '.') === fileURLToPath(import.meta.url)) {
  if (process.env.npm_execpath === undefined) fail('start it with npm, for example "npm start" or "npm test"');
  setUp({ build: process.argv.includes('--build') });
}

/**
 * Installs and builds what is missing, with the project's folder as the working directory. Ends the process when that fails.
 *
 * @param {{ build: boolean }} options
 * @returns {string} the Node to run the project's commands with
 */
export function setUp({ build }) {
  process.chdir(root);
  // PINNED_NODE=false tries the app on the Node that runs npm. Only an install script brings the pinned one; no other is needed.
  const usesOwn = process.env.PINNED_NODE === 'false';
  const hasPinned = !usesOwn && existsSync(pinned);
  if (!hasPinned && (usesOwn || !isPinnedAvailable())) {
    const problem = problemOf(ownNode());
    if (problem !== undefined) fail(problem);
  }

  if (!isInstalled() || (usesOwn && existsSync(pinned))) {
    console.error('setup: installing the dependencies (about a minute, once)');
    // On Windows npm would make a command "node" of a binary that is not there; without it, it drops the package.
    const skipsScripts = usesOwn || (!isWindows && !isPinnedAvailable());
    installDependencies(skipsScripts ? ['ci', '--ignore-scripts'] : ['ci']);
  }

  const node = existsSync(pinned) ? pinned : ownNode();
  const problem = problemOf(node);
  if (problem !== undefined) fail(problem);
  if (build) run(node, ['tools/maintain/build.mjs']);
  return node;
}

/** The pinned binary needs the C library of most Linux systems; Alpine has another. */
function isPinnedAvailable() {
  if (!HAS_PINNED.includes(`${process.platform}-${process.arch}`)) return false;
  return process.platform !== 'linux' || process.report.getReport().header.glibcVersionRuntime !== undefined;
}

/** The Node that the user has. This script may itself have run on a pinned Node that is gone by now. */
function ownNode() {
  return [process.env.npm_node_execpath ?? '', process.execPath].find((path) => existsSync(path)) ?? 'node';
}

/** Undefined when this Node is new enough. */
function problemOf(node) {
  const found = spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' });
  const version = (found.stdout ?? '').trim();
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST.split('.').map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return undefined;
  const why =
    process.env.PINNED_NODE === 'false'
      ? 'PINNED_NODE=false uses the one that runs npm'
      : isPinnedAvailable()
        ? 'the pinned Node could not be installed (does npm skip install scripts?)'
        : `npm can bring a newer one only on ${HAS_PINNED.join(', ')}, and this is ${process.platform}-${process.arch}`;
  return [
    `Node ${OLDEST} or newer is needed, found ${version || 'one that does not run'}: ${why}.`,
    'Install Node 24, from https://nodejs.org/en/download or with a version manager (nvm, fnm, brew, winget), then run this again.',
  ].join('\n');
}

/** Compared by content, not by dates: node_modules holds what the lockfile says. */
function isInstalled() {
  const wanted = lockedPackages('package-lock.json');
  const present = lockedPackages('node_modules/.package-lock.json');
  if (wanted === undefined) fail('package-lock.json is missing or not valid JSON; restore it with git');
  if (present === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const have = present[path];
    if (have === undefined) return entry.optional === true;
    return have.version === entry.version && have.integrity === entry.integrity;
  });
}

function lockedPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

function installDependencies(args) {
  const { npm_config_dry_run: _, ...env } = process.env; // a command's own --dry-run, when the "--" before it was forgotten
  const npm = env.npm_execpath;
  if (npm !== undefined) run(ownNode(), [npm, ...args], { env });
  else run('npm', args, { env, shell: isWindows }); // where npm is a batch file
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { stdio: ['inherit', 2, 2], ...options });
  if (result.status === 0) return;
  fail(`"${args.join(' ')}" failed: ${result.error ?? result.signal ?? `exit code ${result.status}`}`);
}

function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}
