#!/usr/bin/env node
// ./elw send --health: the project's commands without npm's lines and without its lone "--", from any folder.
// What a command runs is in package.json alone. Plain JavaScript, because it runs before anything is installed, on any Node.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isIt } from './command/closest.mjs';
import { setUp } from './setup.mjs';

const readJson = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const { scripts } = readJson('../package.json');
const [name = 'help', ...args] = process.argv.slice(2);
const typed = (script) => (['start', 'test'].includes(script) ? `npm ${script}` : `npm run ${script}`);
const [program, ...script] = (scripts[name] ?? '').split(' ');

if (['help', '--help', '-h'].includes(name)) console.log(help());
else if (program === 'node') start();
else wrongUsage();

function help() {
  const commands = readJson('commands.json');
  const width = Math.max(
    ...Object.values(commands).flatMap((group) => Object.keys(group).map((one) => typed(one).length)),
  );
  const groups = Object.entries(commands).map(([title, group]) => {
    const lines = Object.entries(group).map(([script, line]) => `  ${typed(script).padEnd(width + 2)}${line}`);
    return [title, ...lines].join('\n');
  });
  return `${groups.join('\n\n')}

"npm run send -- --help" describes one of them. Options go behind the lone "--". Without npm's lines and without "--":
"./elw send --help" (Windows: ".\\elw"), also for start, storage and all others that are not tests or checks.`;
}

function start() {
  const userFolder = process.cwd();
  const node = setUp({ build: (scripts[`pre${name}`] ?? '').includes('--build') });
  const { npm_lifecycle_event: _, ...environment } = process.env;
  const child = spawn(node, [...script, ...args], {
    stdio: 'inherit',
    env: { ...environment, INIT_CWD: userFolder, ELW: asTyped(userFolder) },
  });
  // Ctrl-C reaches the command by itself; it ends in its own time, and this process after it.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`elw: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}

/** How the user names this program: by its name when it is on their PATH, else by the path from where they are. */
function asTyped(userFolder) {
  const isBatch = process.platform === 'win32'; // elw.cmd names the module itself
  const program = isBatch ? fileURLToPath(new URL('../elw', import.meta.url)) : process.argv[1];
  const onPath = (process.env.PATH ?? '').split(delimiter).includes(dirname(program));
  if (onPath) return basename(program);
  const path = relative(userFolder, program);
  return path.startsWith('.') ? path : join('.', path).replace(/^(?!\.)/, isBatch ? '.\\' : './');
}

function wrongUsage() {
  const isScript = scripts[name] !== undefined;
  console.error(
    isScript ? `elw: ${name} needs npm: ${typed(name)}` : `elw: there is no command "${name}".${hint()}\n\n${help()}`,
  );
  process.exitCode = 2;
}

function hint() {
  const commands = Object.values(readJson('commands.json')).flatMap((group) => Object.keys(group));
  return isIt(name, commands);
}
