import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { app } from '@azure/functions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Unanswered } from '../../../src/lib/http/answerError.ts';
import { completeAnswer } from '../../../src/lib/http/completeAnswer.ts';
import { guardFront } from '../../../src/lib/http/front.ts';
import { problem } from '../../../src/lib/http/problem.ts';
import { type HostLine, type RunningHost, startHost } from '../../../tools/local/host/host.ts';
import { rawRequest } from '../../support/rawRequest.ts';
import { until } from '../../support/until.ts';

const BODY_LIMIT_BYTES = 1_000_000;
const lines: HostLine[] = [];
const unanswered: Unanswered[] = [];
let host: RunningHost;

beforeAll(async () => {
  host = await startHost({ port: 0, write: (line) => lines.push(line), timers: false }, async () => {
    app.setup({ enableHttpStream: true });
    app.http('count', {
      methods: ['POST'],
      handler: async (request) => ({
        jsonBody: { bytes: (await request.arrayBuffer()).byteLength, headers: Object.fromEntries(request.headers) },
      }),
    });
    app.http('unsendable', { methods: ['POST'], handler: () => ({ status: 200, headers: { 'a b': 'c' } }) });
    const answerError = (each: Unanswered) => {
      unanswered.push(each);
      return problem(each.error);
    };
    guardFront({ answerError, bodyLimitBytes: BODY_LIMIT_BYTES, waitMs: 300 });
    app.hook.postInvocation(completeAnswer(answerError, BODY_LIMIT_BYTES));
  });
});
afterAll(() => host.close());

const post = (path: string, headers: readonly string[], body = '') =>
  rawRequest(host.url, [`POST ${path} HTTP/1.1`, ...headers], body);
const ownId = (id: string = randomUUID()) => `x-ms-invocation-id: ${id}`;

describe('on a host that lets the id of a caller stand,', () => {
  it('a request whose invocation does not begin is answered 503, its body read off, and the next one served', async () => {
    const answer = await post('/count', [ownId()], 'x'.repeat(900_000));
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'invocation_missing', status: 503 });
    expect(answer.headers).toMatch(/retry-after: \d+/i);
    expect((await post('/count', [], 'next')).status).toBe(200);
  });

  it('the invocation whose request does not come ends, and says why without a word of the caller', async () => {
    const before = lines.length;
    await post('/count', [ownId()]);
    const line = await until(() => lines.slice(before).find(({ message }) => message.startsWith('Failed')));
    expect(line.message).toContain('The request of this invocation did not arrive within 0.3 s.');
  });

  it('an id that is that of a request under way is refused, and that request is not touched', async () => {
    const id = randomUUID();
    const first = post('/count', [ownId(id)]);
    const answers = await Promise.all([first, post('/count', [ownId(id)]), post('/count', [ownId(id)])]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([400, 400, 503]);
  });

  it('a caller that leaves while its request waits for an invocation is forgotten', async () => {
    const { port } = new URL(host.url);
    const before = unanswered.length;
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(`POST /count HTTP/1.1\r\nHost: x\r\n${ownId()}\r\nContent-Length: 0\r\n\r\n`);
    socket.destroy();
    expect((await post('/count', [ownId()])).status).toBe(503);
    expect(unanswered.length - before).toBeLessThanOrEqual(2);
  });
});

it('headers reach a function as they were sent, each once', async () => {
  const sent = ['X-One: 1', 'x-two: a', 'x-two: b', 'Authorization: Bearer a', 'Authorization: Bearer b'];
  const { headers } = JSON.parse((await post('/count', sent, 'four')).body);
  expect(headers).toMatchObject({ 'x-one': '1', 'x-two': 'a,b', authorization: 'Bearer a,Bearer b' });
});

it('an answer that the library cannot send becomes a 500', async () => {
  const answer = await post('/unsendable', []);
  expect([answer.status, JSON.parse(answer.body).code]).toEqual([500, 'internal_error']);
});
