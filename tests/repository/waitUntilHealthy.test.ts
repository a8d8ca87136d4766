import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const scripts = fileURLToPath(new URL('../../.github/scripts', import.meta.url));

interface Ran {
  readonly code: number;
  readonly text: string;
  readonly calls: string;
}

/** Runs a script beside a stand-in for `command`, which answers one answer a call, the last one again and again. */
function runBeside(
  command: 'az' | 'gh',
  script: string,
  { options, answers, environment = {} }: { options: string[]; answers: readonly string[]; environment?: object },
): Ran {
  const place = mkdtempSync(join(tmpdir(), `${command}-`));
  onTestFinished(() => rmSync(place, { recursive: true }));
  for (const [index, answer] of answers.entries()) writeFileSync(join(place, `${index + 1}`), answer);
  const standIn = `#!/bin/sh
[ "$1" != extension ] || exit 0
echo "$@" | tr '\\n' ' ' >> "${place}/calls"; echo >> "${place}/calls"
n=$(wc -l < "${place}/calls"); [ "$n" -le ${answers.length} ] || n=${answers.length}
. "${place}/$n"
`;
  writeFileSync(join(place, command), standIn);
  chmodSync(join(place, command), 0o755);
  writeFileSync(join(place, 'calls'), '');
  const env = { PATH: `${place}:${process.env['PATH']}`, ...environment };
  const settings = { env, stdio: 'pipe', encoding: 'utf8' } as const;
  const calls = () => readFileSync(join(place, 'calls'), 'utf8');
  try {
    const text = execFileSync('bash', [join(scripts, script), ...options], settings);
    return { code: 0, text, calls: calls() };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    return { code: status, text: stdout + stderr, calls: calls() };
  }
}

function waitUntilHealthy(answers: readonly string[], waitSeconds = 60, version = '0.1.0+3d3c42e5aac5'): Ran {
  return runBeside('az', 'wait-until-healthy.sh', {
    options: ['rg-test', 'appi-test', version, '2026-11-24T00:00:00Z'],
    answers,
    environment: { WAIT_SECONDS: String(waitSeconds), POLL_SECONDS: '0.1' },
  });
}

test('the smoke test waits over silence and failures of az until a run of the new code was good', () => {
  const { code, text, calls } = waitUntilHealthy(['', 'exit 3', 'echo 0', 'echo 1']);
  expect([code, calls.trim().split('\n').length]).toEqual([0, 4]);
  expect(text).toContain('none could be read');
  expect(calls).toContain('--resource-group rg-test --apps appi-test');
  expect(calls).toContain("tostring(line.version) == '0.1.0+3d3c42e5aac5'");
  expect(calls).toContain('timestamp > datetime(2026-11-24T00:00:00Z)');
});

test('the smoke test asks Azure for lines of the log, and nothing that would open a way to the app', () => {
  const { calls } = waitUntilHealthy(['echo 1']);
  expect(calls).toMatch(/^monitor app-insights query /);
  expect(readFileSync(join(scripts, 'wait-until-healthy.sh'), 'utf8')).not.toMatch(/access-restriction|curl|wget/);
});

test.each([
  ['silence', ''],
  ['bad runs', 'echo 0'],
  ['what is not a number', 'echo 1x'],
])('the smoke test fails after nothing but %s', (_what, answer) => {
  expect(waitUntilHealthy([answer], 0)).toMatchObject({
    code: 1,
    text: expect.stringContaining('No run of the timer found everything well'),
  });
});

test('the smoke test puts nothing into its query that is not a version', () => {
  const { code, text, calls } = waitUntilHealthy(['echo 1'], 60, "1' or true //");
  expect([code, calls]).toEqual([1, '']);
  expect(text).toContain('is not a version');
});

const checkKeptRun = (run: string, answer: string) =>
  runBeside('gh', 'check-kept-run.sh', { options: ['owner/receiver', run], answers: [`echo '${answer}'`] });

test.each(['push', 'workflow_dispatch'])('a kept package may come from a %s to azure-main', (event) => {
  const answer = `.github/workflows/deploy.yml azure-main owner/receiver ${event}`;
  const { code, calls } = checkKeptRun('123', answer);
  expect([code, calls]).toEqual([0, expect.stringContaining('repos/owner/receiver/actions/runs/123')]);
});

test.each([
  ['a pull request', '.github/workflows/ci.yml azure-main owner/receiver pull_request'],
  ['a fork that has a branch of the same name', '.github/workflows/deploy.yml azure-main stranger/receiver push'],
  ['another branch', '.github/workflows/deploy.yml main owner/receiver workflow_dispatch'],
  ['another workflow', '.github/workflows/ci.yml azure-main owner/receiver push'],
  ['nowhere', ''],
])('a kept package of %s is not deployed', (_what, answer) => {
  expect(checkKeptRun('123', answer)).toMatchObject({ code: 1, text: expect.stringContaining('is not one of') });
});

test('a kept package is named by the number of its run', () => {
  expect(checkKeptRun('123/artifacts', '')).toMatchObject({ code: 1, calls: '' });
});
