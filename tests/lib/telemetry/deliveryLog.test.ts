import { beforeEach, describe, expect, it } from 'vitest';
import { RequestError, WebhookError } from '../../../src/lib/errors.ts';
import { DeliveryLog } from '../../../src/lib/telemetry/deliveryLog.ts';
import type { LogFields } from '../../../src/lib/telemetry/log.ts';
import type { DeliveryFact } from '../../../src/lib/telemetry/telemetry.ts';

const lines: [level: string, message: string, fields: LogFields][] = [];
const facts: DeliveryFact[] = [];
let time = 0;
const log = { write: (...line: [string, string, LogFields?]) => void lines.push([line[0], line[1], line[2] ?? {}]) };
const telemetry = {
  delivery: (fact: DeliveryFact) => void facts.push(fact),
  reconciled: () => {},
  initiated: () => {},
  cloned: () => {},
  dependency: () => {},
};
const causes = { teapot: 'Usual cause: tea.' };
const begin = () => new DeliveryLog({ endpoint: 'delivery', log, telemetry, id: 'd', now: () => time, causes });

beforeEach(() => {
  time = 1_000;
  lines.length = 0;
  facts.length = 0;
});

describe('the line of a delivery', () => {
  it('has what was noted on the way, in order, and the time since it began and since it was proved', () => {
    const line = begin();
    line.begin({ body: { receivedBytes: 7 }, signatureAgeSeconds: 3 });
    time += 20;
    line.prove('post_call_audio', { conversation: 'conv_1' });
    time += 5;
    line.end('INFO', { outcome: 'stored', blob: 'b', status: 200 });
    expect(lines).toHaveLength(1);
    expect(Object.entries(lines[0]?.[2] ?? {}).filter(([, value]) => value !== undefined)).toEqual([
      ['outcome', 'stored'],
      ['conversation', 'conv_1'],
      ['bytes', 7],
      ['ms', 25],
      ['commit_ms', 5],
      ['signature_age_s', 3],
      ['delivery', 'd'],
      ['blob', 'b'],
      ['status', 200],
    ]);
    const code = undefined;
    const figures = { bytes: 7, signatureAgeSeconds: 3, commitMs: 5 };
    expect(facts).toEqual([{ event: 'post_call_audio', outcome: 'stored', code, ...figures }]);
  });

  it.each([
    [
      new WebhookError('teapot', 418, 'I am one.', { hint: 'Short.' }),
      'WARNING',
      'refused',
      'Short. Usual cause: tea.',
    ],
    [new WebhookError('teapot', 503, 'Not now.'), 'ERROR', 'failed', 'Usual cause: tea.'],
  ])('of %s says what was wrong and what usually causes it', (error, level, outcome, hint) => {
    begin().fail(error);
    expect(lines).toMatchObject([[level, 'delivery', { outcome, status: error.status, code: 'teapot', hint }]]);
    expect(facts).toMatchObject([{ event: undefined, outcome, code: 'teapot' }]);
  });

  it('of a request that the library refuses says why; of a bug it has the stack', () => {
    begin().fail(new RequestError('host'));
    begin().fail(new Error('a bug'));
    expect(lines[0]).toMatchObject(['WARNING', 'delivery', { code: 'invalid_request', reason: 'host' }]);
    const bug = expect.stringMatching(/^Error: a bug\n/);
    expect(lines[1]).toMatchObject([
      'ERROR',
      'delivery',
      { outcome: 'failed', status: 500, code: 'internal_error', bug },
    ]);
  });
});
