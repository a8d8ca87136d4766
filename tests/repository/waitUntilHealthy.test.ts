import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const script = fileURLToPath(new URL('../../.github/scripts/wait-until-healthy.sh', import.meta.url));

/** What a stand-in for `az` answers, one answer a call, the last one again and again. */
function waitUntilHealthy(answers: readonly string[], waitSeconds = 60): { code: number; text: string; calls: string } {
  const place = mkdtempSync(join(tmpdir(), 'az-'));
  onTestFinished(() => rmSync(place, { recursive: true }));
  for (const [index, answer] of answers.entries()) writeFileSync(join(place, `${index + 1}`), answer);
  const az = `#!/bin/sh
echo "$@" >> "${place}/calls"
n=$(wc -l < "${place}/calls"); [ "$n" -le ${answers.length} ] || n=${answers.length}
. "${place}/$n"
`;
  writeFileSync(join(place, 'az'), az);
  chmodSync(join(place, 'az'), 0o755);
  const env = { PATH: `${place}:${process.env['PATH']}`, WAIT_SECONDS: String(waitSeconds), POLL_SECONDS: '0.1' };
  const options = { env, stdio: 'pipe', encoding: 'utf8' } as const;
  const calls = () => readFileSync(join(place, 'calls'), 'utf8');
  try {
    const text = execFileSync('bash', [script, 'rg-test', 'appi-test', '2026-11-24T00:00:00Z'], options);
    return { code: 0, text, calls: calls() };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    return { code: status, text: stdout + stderr, calls: calls() };
  }
}

test('waits over silence, failures of az and red results until the newest one is green', () => {
  const { code, text, calls } = waitUntilHealthy(['', 'exit 3', 'echo 100.0; echo 33.3', 'echo 33.3; echo 100.0']);
  expect([code, calls.trim().split('\n').length]).toEqual([0, 4]);
  expect(text).toContain('no result yet');
  expect(calls).toContain('--resource appi-test --resource-type Microsoft.Insights/components');
  expect(calls).toContain('--start-time 2026-11-24T00:00:00Z');
});

test.each([
  ['silence', ''],
  ['red results', 'echo 0.0'],
  ['almost green ones', 'echo 66.6'],
])('fails after nothing but %s', (_what, answer) => {
  expect(waitUntilHealthy([answer], 0)).toMatchObject({ code: 1, text: expect.stringContaining('not found healthy') });
});
