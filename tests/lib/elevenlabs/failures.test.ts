import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ElevenLabsError } from '../../../src/lib/elevenlabs/errors.ts';
import type { Fault } from '../../../tools/local/elevenlabs/faults.ts';
import { startElevenLabs } from '../../../tools/local/elevenlabs/server.ts';
import { API_KEY, type ApiContext, all, failureOf, newVoice, startApi } from './context.ts';

let context: ApiContext;
beforeEach(async () => {
  context = await startApi({}, { limits: { connectMs: 1_000, headersMs: 300, cloneHeadersMs: 300, bodyMs: 300 } });
  context.api.state.addAgent({ agentId: 'agent_1' });
});
afterEach(() => context.close());

/** Also on a machine that is so busy that a limit is noticed late. */
const LONGER_THAN_A_TRY_MS = 20_000;

const read = () => context.client.getAgent('agent_1', context.call());
const patch = () => context.client.patchAgent({ agentId: 'agent_1', voiceId: 'voice_2' }, context.call());
const add = () => context.client.addVoice(newVoice(), context.call());

describe('what passes is repeated', () => {
  const passing: Fault[] = [
    { kind: 'server-error' },
    { kind: 'server-error', status: 503 },
    { kind: 'server-error', status: 408 },
    { kind: 'rate-limited', retryAfter: '0' },
    { kind: 'slow', delayMs: LONGER_THAN_A_TRY_MS },
    { kind: 'answer-lost' },
    { kind: 'reset' },
  ];
  for (const fault of passing) {
    test(`${fault.kind} ${fault.status ?? ''} twice, then the answer`, async () => {
      context.api.fail({ ...fault, times: 2 });
      expect(await read()).toMatchObject({ agentId: 'agent_1' });
      expect(context.exchanges.map(({ tries }) => tries)).toEqual([1, 2, 3]);
    });
    test(`${fault.kind} ${fault.status ?? ''} three times is the end`, async () => {
      context.api.fail({ ...fault, times: 5 });
      const reason = fault.kind === 'rate-limited' ? 'rate_limited' : 'upstream_unavailable';
      expect(await failureOf(patch())).toMatchObject({ reason, retryable: true });
      expect(context.exchanges).toHaveLength(3);
    });
  }

  test('a deletion whose answer was lost is done, and its repetition finds that it is', async () => {
    const { voice_id } = context.api.state.addVoice();
    context.api.fail({ kind: 'answer-lost' });
    await context.client.deleteVoice(voice_id, context.call());
    expect(context.exchanges.map(({ status }) => status)).toEqual([undefined, 404]);
  });

  test('the server is given the time that it asks for', async () => {
    context.api.fail({ kind: 'rate-limited', retryAfter: '1' });
    const patient = await startApi({}, { baseUrl: context.api.url, retries: { longestDelayMs: 5_000 } });
    const startedAt = performance.now();
    await patient.client.getAgent('agent_1', patient.call());
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(990);
    await patient.close();
  });

  test('but not more than our own limit, also when it names a date', async () => {
    context.api.fail({ kind: 'rate-limited', retryAfter: new Date(Date.now() + 3_600_000).toUTCString() });
    await read(); // with a deadline of seconds
  });

  test('when the deadline comes first, the failure is the one that was waited for', async () => {
    const patient = await startApi({}, { baseUrl: context.api.url, retries: { longestDelayMs: 60_000 } });
    context.api.fail({ kind: 'rate-limited', retryAfter: '30' });
    const failure = await failureOf(patient.client.getAgent('agent_1', patient.call(200)));
    expect(failure).toMatchObject({ reason: 'rate_limited', retryAfterSeconds: 30 });
    await patient.close();
  });

  test('no try begins after the deadline', async () => {
    context.api.fail({ kind: 'slow', delayMs: LONGER_THAN_A_TRY_MS, times: 5 });
    const failure = await failureOf(context.client.getAgent('agent_1', context.call(100)));
    expect(failure).toMatchObject({ reason: 'upstream_unavailable', status: undefined, retryable: true });
    expect(failure.message).toContain('before the deadline');
    expect(context.api.state.requests).toHaveLength(1);
  });
});

describe('what does not pass is not repeated', () => {
  const lasting: [Fault, Partial<ElevenLabsError>][] = [
    [{ kind: 'unauthorized' }, { reason: 'invalid_api_key', status: 401 }],
    [{ kind: 'forbidden' }, { reason: 'missing_permission', status: 403 }],
    [{ kind: 'plan' }, { reason: 'plan_required', status: 402, code: 'paid_plan_required' }],
    [{ kind: 'invalid' }, { reason: 'validation', status: 422, param: 'body.files.0' }],
    [{ kind: 'slots-full' }, { reason: 'voice_limit_reached', status: 400, code: 'bad_request' }],
    [{ kind: 'slots-full-legacy' }, { reason: 'voice_limit_reached', status: 400, code: 'voice_limit_reached' }],
    [{ kind: 'not-json' }, { reason: 'unexpected_answer', status: undefined }],
    [{ kind: 'huge' }, { reason: 'unexpected_answer' }],
    [{ kind: 'redirect' }, { reason: 'unexpected_answer', status: 307 }],
  ];
  for (const [fault, expected] of lasting) {
    test(`${fault.kind} on reading`, async () => {
      context.api.fail({ ...fault, times: 5 });
      expect(await failureOf(read())).toMatchObject({ ...expected, retryable: false });
      expect(context.exchanges).toHaveLength(1);
    });
    test(`${fault.kind} on cloning`, async () => {
      context.api.fail({ ...fault, times: 5 });
      const isRefused = (expected.status ?? 0) >= 400;
      expect(await failureOf(add())).toMatchObject({ ...expected, outcome: isRefused ? 'refused' : 'unknown' });
      expect(context.exchanges).toHaveLength(1);
    });
  }

  test('a request id in the body comes before the one in the header', async () => {
    context.api.fail({ kind: 'plan' });
    const failure = await failureOf(read());
    expect(failure.requestId).toMatch(/^req_/);
    expect(failure.message).toBe(
      'ElevenLabs answered 402 paid_plan_required to GET /v1/convai/agents/agent_1 (plan_required)',
    );
  });
});

describe('a clone is tried once', () => {
  const lost: [Fault, number][] = [
    [{ kind: 'answer-lost' }, 1],
    [{ kind: 'reset' }, 1],
    [{ kind: 'slow', delayMs: LONGER_THAN_A_TRY_MS }, 1],
    [{ kind: 'not-json' }, 1],
    [{ kind: 'huge' }, 1],
    [{ kind: 'server-error' }, 0],
    [{ kind: 'server-error', status: 408 }, 0],
  ];
  for (const [fault, clones] of lost) {
    test(`${fault.kind} ${fault.status ?? ''}: nobody knows, and the labels tell`, async () => {
      context.api.fail(fault);
      expect(await failureOf(add())).toMatchObject({ name: 'AddVoiceError', outcome: 'unknown' });
      expect(context.api.state.requests).toHaveLength(1);
      const found = await all(context.client.findVoices({ labels: newVoice().labels }, context.call()));
      expect(found).toHaveLength(clones);
    });
  }

  test('a rate limit is a refusal that passes', async () => {
    context.api.fail({ kind: 'rate-limited', retryAfter: '7' });
    expect(await failureOf(add())).toMatchObject({
      reason: 'rate_limited',
      outcome: 'refused',
      retryable: true,
      retryAfterSeconds: 7,
    });
    expect(context.api.state.requests).toHaveLength(1);
  });

  test('when the last slot is taken in fact, the reason is the same in both formats', async () => {
    context.api.state.voiceLimit = 1;
    await add();
    for (const format of ['current', 'legacy'] as const) {
      context.api.state.errorFormat = format;
      expect(await failureOf(add())).toMatchObject({ reason: 'voice_limit_reached', outcome: 'refused' });
    }
  });

  test('a host that nobody listens on has certainly made nothing', async () => {
    const { url, close } = await startElevenLabs({ port: 0 });
    await close();
    const gone = await startApi({}, { baseUrl: url });
    expect(await failureOf(gone.client.addVoice(newVoice(), gone.call()))).toMatchObject({
      reason: 'upstream_unavailable',
      outcome: 'refused',
      retryable: true,
    });
    await gone.close();
  });

  test('after the deadline nothing is sent', async () => {
    const failure = await failureOf(context.client.addVoice(newVoice(), { signal: AbortSignal.abort() }));
    expect(failure).toMatchObject({ outcome: 'refused', reason: 'upstream_unavailable' });
    expect(context.api.state.requests).toHaveLength(0);
  });
});

describe('pages that do not end', () => {
  test('more without a place to go on is an error, not an end', async () => {
    const server = await answering({ voices: [], has_more: true, next_page_token: null });
    const failure = await failureOf(all(server.context.client.findVoices({}, server.context.call())));
    expect(failure.reason).toBe('unexpected_answer');
    await server.close();
  });

  test('so is a token that comes back', async () => {
    const server = await answering({ voices: [], has_more: true, next_page_token: 'again' });
    const failure = await failureOf(all(server.context.client.findVoices({}, server.context.call())));
    expect(failure.reason).toBe('unexpected_answer');
    expect(server.context.exchanges).toHaveLength(2);
    await server.close();
  });
});

test('members that we can do without may be anything', async () => {
  const server = await answering({ voice_id: 'v', name: null, labels: { a: 'b', c: 3 }, created_at_unix: 'yesterday' });
  expect(await server.context.client.getVoice('v', server.context.call())).toEqual({
    voiceId: 'v',
    name: '',
    labels: { a: 'b' },
    category: undefined,
    createdAtSeconds: undefined,
  });
  await server.close();
});

describe('the API key', () => {
  test('is never sent to a redirect', async () => {
    const elsewhere = await startElevenLabs({ port: 0 });
    for (const location of ['/v1/convai/agents/agent_1', `${elsewhere.url}/v1/convai/agents/agent_1`]) {
      context.api.fail({ kind: 'redirect', location });
      await failureOf(read());
    }
    expect(context.api.state.requests).toHaveLength(2);
    expect(elsewhere.state.requests).toHaveLength(0);
    await elsewhere.close();
  });

  const kinds = [
    'unauthorized',
    'server-error',
    'answer-lost',
    'reset',
    'not-json',
    'huge',
    'redirect',
    'slow',
  ] as const;
  for (const kind of kinds) {
    test(`is in no part of an error after ${kind}`, async () => {
      context.api.fail({ kind, delayMs: LONGER_THAN_A_TRY_MS, times: 9 });
      for (const failure of [await failureOf(read()), await failureOf(add())]) {
        expect(inspect(failure, { depth: 20, showHidden: true })).not.toContain(API_KEY);
        expect(JSON.stringify(failure)).not.toContain(API_KEY);
      }
    });
  }

  test('is taken out of what an answer repeats', async () => {
    const detail = { code: API_KEY, status: API_KEY, message: `Invalid API key ${API_KEY}`, request_id: API_KEY };
    const server = await answering({ detail }, 401, { 'request-id': API_KEY });
    const failure = await failureOf(server.context.client.getAgent('agent_1', server.context.call()));
    expect(failure).toMatchObject({ reason: 'invalid_api_key', code: undefined, requestId: undefined });
    expect(inspect([failure, server.context.exchanges], { depth: 20, showHidden: true })).not.toContain(API_KEY);
    await server.close();
  });

  test('is not shown by the client itself', () => {
    expect(inspect(context.client, { depth: 20, showHidden: true })).not.toContain(API_KEY);
  });
});

/** A server with one answer for everything. */
async function answering(body: unknown, status = 200, headers: Record<string, string> = {}) {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status, headers).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // of a server on TCP
  const other = await startApi({}, { baseUrl: `http://127.0.0.1:${port}` });
  return {
    context: other,
    close: async () => {
      await other.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
