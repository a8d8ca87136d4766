import type { HttpRequest, InvocationContext } from '@azure/functions';
import { describe, expect, it } from 'vitest';
import type { CallerDirectory } from '../../../src/lib/callers/directory.ts';
import { type InitiationServices, initiationHandler } from '../../../src/lib/initiation/handler.ts';
import { openServices } from '../../../src/lib/services.ts';

const SETTINGS = {
  CallStorage: 'UseDevelopmentStorage=true',
  INITIATION_SECRET: 'bearer_of_the_test',
  INITIATION_VARIABLES: '{"shop":"x"}',
};
const QUESTION = JSON.stringify({ caller_id: '+12025550143', called_number: '+12025550100', agent_id: 'agent_1' });

async function ask(settings: Record<string, string>, callers?: Pick<CallerDirectory, 'find'>, body = QUESTION) {
  const lines: string[] = [];
  const facts: unknown[] = [];
  const { configuration, initiation } = openServices({ LOG_FORMAT: 'json', ...settings });
  const services = {
    configuration,
    initiation: initiation && { ...initiation, agents: undefined, callers: callers ?? initiation.callers },
    telemetry: { initiated: (fact: unknown) => void facts.push(fact) },
  } as unknown as InitiationServices;
  const request = {
    headers: new Headers({ authorization: 'Bearer bearer_of_the_test' }),
    body: new Response(body).body,
  };
  const write = (line: string) => void lines.push(line);
  const context = { invocationId: 'id', debug: write, info: write, warn: write, error: write };
  const answer = await initiationHandler(services)(
    request as unknown as HttpRequest,
    context as unknown as InvocationContext,
  );
  return { answer, lines: lines.map((line) => JSON.parse(line)), facts };
}

describe('whoever may ask', () => {
  it('gets the default also after a bug, which is logged with its stack', async () => {
    const find = () => {
      throw new TypeError('a bug');
    };
    const { answer, lines, facts } = await ask(SETTINGS, { find });
    expect(answer).toMatchObject({
      status: 200,
      jsonBody: {
        type: 'conversation_initiation_client_data',
        dynamic_variables: { shop: 'x', caller_name: '', caller_known: 'unknown', caller_verified: 'no' },
      },
    });
    expect(lines).toMatchObject([{ level: 'ERROR', message: 'initiation', outcome: 'default', reason: 'bug' }]);
    expect(lines[0].bug).toMatch(/^TypeError: a bug\n\s+at /);
    expect(facts).toEqual([{ outcome: 'default', reason: 'bug', ms: expect.any(Number) }]);
  });

  it('gets 503 when the webhook is not configured, and the log names the settings', async () => {
    const { answer, lines } = await ask({ ...SETTINGS, INITIATION_VARIABLES: '[' });
    expect(answer.status).toBe(503);
    expect(answer.headers).toMatchObject({ 'retry-after': expect.any(String) });
    expect(lines).toMatchObject([{ level: 'ERROR', outcome: 'failed', code: 'not_configured' }]);
    expect(lines[0].hint).toContain('INITIATION_VARIABLES');
    expect((await ask({ CallStorage: SETTINGS.CallStorage })).lines[0].hint).toContain('INITIATION_SECRET');
  });

  it('gets an answer also where deliveries are not configured', async () => {
    const find = async () => ({ isKnown: false, misses: [] }) as const;
    const { answer, lines } = await ask(SETTINGS, { find });
    expect(answer).toMatchObject({ status: 200, jsonBody: { dynamic_variables: { caller_known: 'no' } } });
    expect(lines).toMatchObject([
      { level: 'INFO', outcome: 'unknown', agent: 'agent_1', ms_since: 'arrival_in_node', delivery: 'id', status: 200 },
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/12025550|bearer_of/);
  });
});
