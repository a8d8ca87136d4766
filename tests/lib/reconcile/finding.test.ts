import { describe, expect, it } from 'vitest';
import { ElevenLabsError, type Failure } from '../../../src/lib/elevenlabs/errors.ts';
import { WebhookError } from '../../../src/lib/errors.ts';
import { type Finding, failed, logFinding, ManyFailures, reasonOf } from '../../../src/lib/reconcile/finding.ts';

const api = (reason: Failure['reason'], status: number) =>
  new ElevenLabsError({ reason, status, operation: 'GET /v1/convai/conversations', retryable: false });

describe('why it failed, as the log has it', () => {
  it.each([
    ['of ElevenLabs', api('not_found', 404), 'not_found', /^ElevenLabs answered 404 to GET \S+ \(not_found\)$/],
    [
      'of the key',
      api('invalid_api_key', 401),
      'invalid_api_key',
      /^ElevenLabs answered 401 .*\(invalid_api_key\)\. ElevenLabs does not know the key in ELEVENLABS_API_KEY\. .*ELEVENLABS_API_BASE_URL\.$/,
    ],
    [
      'of its permissions',
      api('missing_permission', 401),
      'missing_permission',
      /\(missing_permission\)\. .*convai_read/,
    ],
    [
      'of a limit',
      api('rate_limited', 429),
      'rate_limited',
      /\(rate_limited\)\. .*next run goes on where this one ended/,
    ],
    [
      'one after the other',
      new ManyFailures('x'),
      'many_failures',
      /^One call after the other .* lines before say why\.$/,
    ],
    ['with a hint', new WebhookError('a_code', 503, 'A message', { hint: 'A hint' }), 'a_code', /^A hint$/],
    ['without a hint', new WebhookError('a_code', 503, 'A message'), 'a_code', /^A message$/],
    ['a bug', new TypeError('x is undefined'), 'internal_error', /^TypeError: x is undefined\n +at /],
    ['a bug without a stack', Object.assign(new Error('bare'), { stack: undefined }), 'internal_error', /^bare$/],
    ['no error at all', 'text', 'internal_error', /^text$/],
  ])('%s', (_name, error, reason, hint) => {
    const part = { conversationId: 'conv_1', agentId: 'agent_1', what: 'audio' } as const;
    expect(reasonOf(error)).toEqual({ reason, hint: expect.stringMatching(hint) });
    expect(failed(part, error)).toEqual({ ...part, outcome: 'failed', ...reasonOf(error) });
  });
});

describe('the line of a part', () => {
  const part = { conversationId: 'conv_1', agentId: 'agent_1', what: 'audio' } as const;
  it.each<[string, Finding]>([
    ['WARNING', { ...part, outcome: 'recovered', blob: 'a/b', bytes: 3 }],
    ['INFO', { ...part, outcome: 'backfilled', blob: 'a/b', bytes: 3 }],
    ['ERROR', { ...part, outcome: 'unrecoverable', reason: 'deleted' }],
    ['ERROR', { ...part, outcome: 'failed', reason: 'not_found', hint: 'h' }],
    ['INFO', { ...part, outcome: 'missing', reason: 'older' }],
  ])('is %s for %o', (level, finding) => {
    const lines: unknown[][] = [];
    logFinding({ write: (...line) => lines.push(line) }, finding);
    const { conversationId: conversation, agentId: agent, ...others } = finding;
    expect(lines).toEqual([[level, 'reconcile', { conversation, agent, ...others }]]);
  });
});
