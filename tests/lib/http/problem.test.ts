import { describe, expect, it } from 'vitest';
import { BodyError, NotConfigured, SignatureError, StorageUnavailable, WebhookError } from '../../../src/lib/errors.ts';
import { problem } from '../../../src/lib/http/problem.ts';

const documentOf = (error: unknown) => JSON.parse(String(problem(error).body)) as Record<string, unknown>;

describe('problem', () => {
  it.each([
    [new WebhookError('not_json', 400, 'The body is not valid JSON.'), 400, 'Bad Request'],
    [new SignatureError('signature_missing', 401, 'No signature.'), 401, 'Unauthorized'],
    [new BodyError('body_too_slow', 408, 'Too slow.'), 408, 'Request Timeout'],
    [new BodyError('body_too_large', 413, 'Too large.'), 413, 'Content Too Large'],
    [new NotConfigured(['CallStorage']), 503, 'Service Unavailable'],
    [new StorageUnavailable('Is Azurite running?'), 503, 'Service Unavailable'],
    [new WebhookError('odd', 418, 'Odd.'), 418, 'Error'],
  ])('makes an RFC 9457 document of %s', (error, status, title) => {
    const answer = problem(error);
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject({ 'content-type': 'application/problem+json' });
    expect(documentOf(error)).toEqual({
      type: `urn:problem-type:elevenlabs-webhook:${error.code}`,
      title,
      status,
      detail: error.message,
      code: error.code,
    });
  });

  it('asks to try again later with 503 only', () => {
    const retryAfter = (error: unknown) => (problem(error).headers as Record<string, string>)['retry-after'];
    expect(Number(retryAfter(new StorageUnavailable('hint')))).toBeGreaterThan(0);
    expect(retryAfter(new NotConfigured([]))).toBeDefined();
    expect(retryAfter(new BodyError('body_too_large', 413, 'Too large.'))).toBeUndefined();
    expect(retryAfter(new Error('bug'))).toBeUndefined();
  });

  it.each([
    ['an error', new Error('hidden: the password is x')],
    ['a thrown text', 'hidden'],
    ['nothing', undefined],
    ['null', null],
    ['something that only looks like one of ours', { status: 200, code: 'hidden', message: 'hidden' }],
  ])('makes 500 without details of %s, which is a bug', (_name, thrown) => {
    expect(documentOf(thrown)).toMatchObject({ status: 500, title: 'Internal Server Error', code: 'internal_error' });
    expect(JSON.stringify(problem(thrown))).not.toContain('hidden');
  });

  it('keeps hints and causes from the caller', () => {
    const error = new WebhookError('not_json', 400, 'No JSON.', {
      hint: 'hidden hint',
      cause: new Error('hidden cause'),
    });
    expect(JSON.stringify(problem(error))).not.toContain('hidden');
    expect(JSON.stringify(problem(new NotConfigured(['HIDDEN_SETTING'])))).not.toContain('HIDDEN');
    expect(new NotConfigured(['A', 'B']).hint).toContain('A, B');
  });
});

it('errors carry their cause and the name of their class', () => {
  const cause = new Error('reset');
  const error = new StorageUnavailable('hint', cause);
  expect(error).toBeInstanceOf(WebhookError);
  expect(error).toMatchObject({ name: 'StorageUnavailable', cause, hint: 'hint', code: 'storage_unavailable' });
});
