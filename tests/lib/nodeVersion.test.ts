import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Health, healthAnswer } from '../../src/lib/health.ts';
import { nodeProblem, OLDEST_NODE } from '../../src/lib/nodeVersion.ts';
import { openServices } from '../../src/lib/services.ts';

it('the oldest Node is the one that package.json asks for', () => {
  const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(engines.node).toBe(`>=${OLDEST_NODE}`);
});

it.each(['22.19.0', '22.20.1', '24.0.0', '100.1.0'])('Node %s is new enough', (version) => {
  expect(nodeProblem(version)).toBeUndefined();
});

it.each(['22.18.9', '20.20.2', '18.0.0'])('Node %s is too old', (version) => {
  expect(nodeProblem(version)).toEqual({ node: version, needs: '>=22.19' });
});

describe('on a Node that is too old', () => {
  it('the health check fails, and names the version and the one that is needed', async () => {
    const { status, jsonBody } = healthAnswer(await new Health(openServices({}), '20.20.2').ofApp());
    expect(status).toBe(503);
    expect(jsonBody.failing).toContain('runtime');
    expect(jsonBody.checks.runtime).toEqual({ status: 'fail', node: '20.20.2', needs: '>=22.19' });
  });
});
