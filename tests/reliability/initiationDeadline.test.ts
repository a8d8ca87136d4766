import { request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Services } from '../../src/lib/services.ts';
import { type RunningElevenLabs, startElevenLabs } from '../../tools/local/elevenlabs/server.ts';
import { type Answer, type Context, startContext } from '../support/context.ts';
import { ask, BEARER, INITIATION_PATH, initiationSettings, question, remember } from '../support/initiation.ts';
import { until } from '../support/until.ts';
import { longForm } from './longForm.ts';
import { startStorageWire, startTcpFaultProxy, type TcpFaultProxy } from './tcpFaultProxy.ts';
import type { TcpFault } from './tcpLink.ts';
import { FAULTS, isHarmless } from './wireCases.ts';

const DEADLINE_MS = 300;
/** A machine that does much else; what hangs here hangs forever. */
const AMPLE_MS = 20 * DEADLINE_MS;
const NUMBER = '+31612345678';

/** Where a fault begins: at which request of a question, and after how many bytes of it or of its answer. */
const POINTS = [1, 2, 3].flatMap((from) =>
  (['request', 'answer'] as const).flatMap((phase) =>
    (longForm('wire') ? [0, 1, 40, 200, 400, 600] : [1]).map((afterBytes) => ({ from, phase, afterBytes })),
  ),
);

let context: Context;
let services: Services;
let api: RunningElevenLabs;
let storage: TcpFaultProxy;
let elevenLabs: TcpFaultProxy;

beforeAll(async () => {
  const wire = await startStorageWire(inject('storage'));
  storage = wire;
  api = await startElevenLabs({ port: 0, apiKey: 'sk_key_of_the_test' });
  elevenLabs = await startTcpFaultProxy(new URL(api.url));
  context = await startContext(
    initiationSettings({
      CallStorage: wire.connectionString,
      INITIATION_DEADLINE_MS: String(DEADLINE_MS),
      ELEVENLABS_API_KEY: 'sk_key_of_the_test',
      ELEVENLABS_API_BASE_URL: elevenLabs.url,
    }),
  );
  ({ services } = await import('../../src/lib/wiring.ts'));
  await remember(services, { number: NUMBER, name: 'Jan' });
  // An answer that comes before its agent is known ends the looking for it.
  await until(async () => {
    await ask(context);
    return services.agents?.read('agent_of_the_test', AbortSignal.timeout(5_000));
  });
});
afterAll(async () => {
  await context.close();
  await Promise.all([storage.close(), elevenLabs.close(), api.close()]);
});
afterEach(() => {
  for (const wire of [storage, elevenLabs]) {
    wire.onConnect = () => undefined;
    wire.onExchange = () => undefined;
  }
});

async function timed(asking: () => Promise<Answer>): Promise<Answer & { readonly ms: number }> {
  const startedAt = performance.now();
  const answer = await asking();
  return { ...answer, ms: performance.now() - startedAt };
}

function expectValid({ status, json, ms }: Answer & { readonly ms: number }): Record<string, unknown> {
  expect(status).toBe(200);
  expect(json['type']).toBe('conversation_initiation_client_data');
  expect(ms).toBeLessThan(AMPLE_MS);
  const variables = json['dynamic_variables'] as Record<string, unknown>;
  expect(variables).toMatchObject({ caller_verified: 'no', caller_known: expect.stringMatching(/^(yes|no|unknown)$/) });
  if (variables['caller_known'] === 'unknown') {
    expect(variables['caller_name']).toBe('');
    expect(json).not.toHaveProperty('conversation_config_override');
  }
  return variables;
}

/** Sooner or later: on a busy machine the deadline may come first. */
async function knowsJan(asked = question()): Promise<void> {
  await until(async () => expectValid(await timed(() => ask(context, asked)))['caller_name'] === 'Jan' || undefined);
}

describe('storage that fails does not keep a call waiting beyond the deadline', () => {
  it.each(Object.entries(FAULTS))('%s, from each request on', async (_name, fault: TcpFault) => {
    for (const { phase, afterBytes, from } of POINTS) {
      const first = storage.exchanges.length + from;
      storage.onExchange = ({ number }) => (number < first ? undefined : { fault, phase, afterBytes });
      expectValid(await timed(() => ask(context)));
      if (isHarmless(fault)) await knowsJan();
      storage.onExchange = () => undefined;
    }
  });

  it('nothing can connect', async () => {
    storage.onConnect = () => ({ kind: 'reset' });
    storage.onExchange = () => ({ fault: { kind: 'reset' }, phase: 'request', afterBytes: 0 });
    const variables = expectValid(await timed(() => ask(context)));
    expect(variables['caller_known']).toBe('unknown');
  });

  it('for fifty calls at once, and as soon as it is well again callers are known again', async () => {
    storage.onConnect = () => ({ kind: 'black-hole' });
    storage.onExchange = () => ({ fault: { kind: 'black-hole' }, phase: 'request', afterBytes: 0 });
    const answers = await Promise.all(Array.from({ length: 50 }, () => timed(() => ask(context))));
    expect(answers.map((answer) => expectValid(answer)['caller_known'])).toEqual(answers.map(() => 'unknown'));
    const defaults = context.lines.filter(({ message }) =>
      / outcome=default reason=(late|storage_unavailable) /.test(message),
    );
    expect(defaults.length).toBeGreaterThanOrEqual(50);
    storage.onConnect = () => undefined;
    storage.onExchange = () => undefined;
    await knowsJan();
  });
});

describe('ElevenLabs that fails is not noticed by a call', () => {
  it.each(Object.entries(FAULTS))('%s', async (_name, fault: TcpFault) => {
    elevenLabs.onConnect = () => fault;
    const agent_id = `agent_${fault.kind.replace('-', '_')}`;
    await knowsJan(question({ agent_id }));
  });

  it('what it is asked beside an answer ends with the answer', async () => {
    elevenLabs.onConnect = () => ({ kind: 'latency', ms: 200 });
    const before = api.state.requests.length;
    await Promise.all(Array.from({ length: 20 }, () => ask(context, question({ agent_id: 'agent_many_calls' }))));
    expect(api.state.requests.length - before).toBeLessThan(20);
  });
});

describe('a question', () => {
  it('whose body does not come to its end is answered by the deadline, which the host passes on at its end', async () => {
    context.lines.splice(0);
    const headers = { authorization: `Bearer ${BEARER}`, 'transfer-encoding': 'chunked' };
    const request = httpRequest(context.host.url + INITIATION_PATH, { method: 'POST', headers });
    const answered = new Promise<string>((resolve, reject) => {
      request.on('error', reject).once('response', (response) => text(response).then(resolve, reject));
    });
    request.write('{"caller_id":');
    const startedAt = performance.now();
    await until(() => context.lines.find(({ message }) => /^initiation outcome=default reason=late/.test(message)));
    expect(performance.now() - startedAt).toBeLessThan(AMPLE_MS);
    request.end('"+31612345678"}');
    expect(JSON.parse(await answered)).toMatchObject({ dynamic_variables: { caller_known: 'unknown' } });
  });

  it('costs three requests to storage however many callers there are', async () => {
    const numbers = Array.from({ length: 100 }, (_each, index) => `+3161${String(index).padStart(7, '0')}`);
    await Promise.all(numbers.map((number) => remember(services, { number })));
    // Two numbers and the agent; on a busy machine one may be asked for twice.
    await until(async () => (await requestsOf(() => ask(context))) === 3 || undefined);
  });
});

async function requestsOf(asking: () => Promise<unknown>): Promise<number> {
  const before = storage.exchanges.length;
  await asking();
  return storage.exchanges.length - before;
}
