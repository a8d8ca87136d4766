import { execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const readJson = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'));
const { scripts } = readJson('package.json') as { scripts: Record<string, string> };
const { PATH, NODE_COMPILE_CACHE } = process.env;

interface Ended {
  code: number;
  text: string;
}

async function run(
  program: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
  const env = { PATH, NODE_COMPILE_CACHE, HOME: tmpdir(), ...options.env };
  return promisify(execFile)(program, args, { cwd: root, ...options, env }).then(
    ({ stdout, stderr }) => ({ code: 0, text: stdout + stderr }),
    ({ code, stdout, stderr }) => ({ code, text: stdout + stderr }),
  );
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'commands-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('npm run help has one line for each script, and no other', async () => {
  const { text } = await run(process.execPath, ['tools/elw.mjs', 'help']);
  const listed = [...text.matchAll(/^ {2}npm (?:run )?([\w:-]+) {2,}\S/gm)].map(([, name]) => name);
  const own = Object.keys(scripts).filter((name) => !name.startsWith('pre'));
  expect(listed.sort()).toEqual(own.sort());
});

/** The commands that declare options, each with its options as the usage text shows them. */
const commands = Object.entries(scripts).flatMap(([name, script]) => {
  if (!/^node .*\.ts/.test(script) || ['bicep', 'bench:publish'].includes(name)) return [];
  const [, ...args] = script.split(' ');
  const usage = execFileSync(process.execPath, [...args, '--help'], { cwd: root, encoding: 'utf8' });
  const options = [...usage.matchAll(/^ {2}--([\w-]+)( [A-Z]+)?/gm)].filter(([, option]) => option !== 'help');
  return options.length === 0
    ? []
    : [{ name, options: options.map(([, option = '', value]) => ({ option, takesValue: value !== undefined })) }];
});

test('all commands with options are looked at', () => {
  const names = [
    'start',
    'send',
    'blobs',
    'storage',
    'package',
    'fuzz',
    'mutation',
    'verifiers',
    'bench',
    'soak',
    'crash',
  ];
  expect(commands.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
});

test.each(commands)(
  'npm run $name with its options before the -- is refused, and every option named',
  async ({ name, options }) => {
    const typed = options.flatMap(({ option, takesValue }) => [`--${option}`, ...(takesValue ? ['1'] : [])]);
    // Without "presend" and the like, which build.
    const { code, text } = await run('npm', ['--ignore-scripts', 'run', name, ...typed]);
    expect([code, text]).toEqual([2, expect.stringContaining('npm has kept')]);
    for (const { option } of options) expect(text).toContain(`--${option}`);
    expect(text).toContain('Nothing was done.');
  },
);

test('what npm has kept comes back as the command that was meant, but for a secret', async () => {
  const env = { npm_lifecycle_event: 'send', npm_config_invalid: 'true', npm_config_user_agent: 'npm' };
  const flag = await run(process.execPath, ['tools/cli/send.ts', 'post_call_audio'], { env });
  expect(flag).toMatchObject({ code: 2, text: expect.stringContaining('npm run send -- post_call_audio --invalid\n') });
  const npm10 = { npm_lifecycle_event: 'send', npm_config_secret: 'wsec_real', npm_config_expcet: '401' };
  const values = await run(process.execPath, ['tools/cli/send.ts', 'post_call_audio'], { env: npm10 });
  expect(values.text).toContain('npm run send -- post_call_audio --secret SECRET --expect 401\n');
  expect(values.text).not.toContain('wsec_real');
  const others = {
    npm_lifecycle_event: 'send',
    npm_config_registry: 'x',
    npm_config_loglevel: 'error',
    npm_config_audit: '',
  };
  expect((await run(process.execPath, ['tools/cli/send.ts', '--list'], { env: others })).code).toBe(0);
});

test('elw runs a command from any folder, through a link, and passes the arguments and the exit code on', async () => {
  const folder = temporaryFolder();
  symlinkSync(join(root, 'elw'), join(folder, 'linked'));
  const linked = await run(join(folder, 'linked'), ['send', '--list'], { cwd: folder });
  expect(linked).toMatchObject({ code: 0, text: expect.stringMatching(/^call_initiation_failure_sip\n/) });
  writeFileSync(join(folder, 'mine.json'), '{}');
  const mine = await run(join(folder, 'linked'), ['send', 'mine.json', '--url', 'http://127.0.0.1:9'], { cwd: folder });
  expect(mine).toMatchObject({ code: 1, text: expect.stringContaining('Is it running? ./linked start') });
  expect((await run(join(root, 'elw'), ['send'], { cwd: folder })).code).toBe(2);
  expect(await run(join(root, 'elw'), ['nix'])).toMatchObject({
    code: 2,
    text: expect.stringContaining('no command "nix"'),
  });
  expect((await run(join(root, 'elw'), ['snd'])).text).toMatch(/^elw: there is no command "snd". Is it send\?\n/);
  expect(await run(join(root, 'elw'), ['test'])).toMatchObject({ code: 2, text: 'elw: test needs npm: npm test\n' });
});

test('a reader that has seen enough ends a command quietly', () => {
  const { stdout, stderr } = spawnSync('sh', ['-c', `"${process.execPath}" tools/cli/send.ts --help | head -1`], {
    cwd: root,
  });
  expect([String(stdout), String(stderr)]).toEqual(['Usage: npm run send -- [EXAMPLE or FILE] [options]\n', '']);
});

/** `npm start` in a fresh clone on another system and Node, as far as these can be simulated. */
async function setUp({
  platform,
  arch,
  node,
  ...more
}: {
  platform: string;
  arch: string;
  node: string;
  PINNED_NODE?: string;
}) {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'tools'));
  copyFileSync(join(root, 'tools/setup.mjs'), join(folder, 'tools/setup.mjs'));
  writeFileSync(join(folder, 'package-lock.json'), '{"packages":{"node_modules/a":{"version":"1.0.0"}}}');
  writeFileSync(
    join(folder, 'node'),
    `#!/bin/sh\nif [ "$1" = -p ]; then echo ${node}; else echo "asked for: $*" >&2; fi\n`,
  );
  chmodSync(join(folder, 'node'), 0o755);
  const pretend = `for (const [name, value] of Object.entries(${JSON.stringify({ platform, arch })})) Object.defineProperty(process, name, { value });`;
  const env = { npm_execpath: 'npm-cli.js', npm_node_execpath: join(folder, 'node'), ...more };
  return run(process.execPath, ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, 'tools/setup.mjs'], {
    cwd: folder,
    env,
  });
}

test.each([
  { platform: 'darwin', arch: 'arm64', node: '20.20.2' },
  { platform: 'darwin', arch: 'x64', node: '22.18.0' },
  { platform: 'win32', arch: 'arm64', node: '20.20.2' },
  { platform: 'linux', arch: 'x64', node: '20.20.2', PINNED_NODE: 'false' },
])('on $platform-$arch, Node $node is refused before anything is installed, with what to do', async (system) => {
  const { code, text } = await setUp(system);
  expect([code, text]).toEqual([
    1,
    expect.stringMatching(/Node 22\.19 or newer is needed, found 2.*\nInstall Node 24, from https:/),
  ]);
  expect(text).not.toContain('installing');
});

test.each([
  [{ platform: 'darwin', arch: 'arm64', node: '22.19.0' }, 'npm-cli.js ci --ignore-scripts'],
  [{ platform: 'win32', arch: 'arm64', node: '24.0.0' }, 'npm-cli.js ci'],
  [{ platform: 'linux', arch: 'x64', node: '24.0.0' }, 'npm-cli.js ci'],
])('with %o the dependencies are installed', async (system, install) => {
  expect(await setUp(system)).toMatchObject({ code: 0, text: expect.stringContaining(`asked for: ${install}\n`) });
});
