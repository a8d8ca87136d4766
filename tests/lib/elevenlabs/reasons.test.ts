import { describe, expect, test } from 'vitest';
import { parseErrorBody } from '../../../src/lib/elevenlabs/errorBody.ts';
import { isRetryable, reasonOf } from '../../../src/lib/elevenlabs/reasons.ts';
import { isLinear } from '../../support/cpu.ts';

const SLOTS = 'You have reached your maximum amount of custom voices (10 / 10). You can upgrade your subscription.';

const CASES: [name: string, status: number, detail: unknown, reason: string][] = [
  ['slots, old format', 400, { status: 'voice_limit_reached', message: SLOTS }, 'voice_limit_reached'],
  ['slots, new format', 400, { type: 'invalid_request', code: 'bad_request', message: SLOTS }, 'voice_limit_reached'],
  ['slots, text only', 400, SLOTS, 'voice_limit_reached'],
  ['slots as 403', 403, { code: 'voice_limit_reached', message: '' }, 'voice_limit_reached'],
  ['monthly limit', 400, { status: 'max_voice_limit_reached', message: '' }, 'voice_add_limit_reached'],
  ['monthly limit as text', 403, 'You have used all voice add/edit operations.', 'voice_add_limit_reached'],
  ['plan', 402, { type: 'payment_required', code: 'paid_plan_required' }, 'plan_required'],
  ['plan, old format', 400, { status: 'can_not_use_instant_voice_cloning', message: '' }, 'plan_required'],
  ['plan by feature', 403, { code: 'feature_not_available', type: 'authorization_error' }, 'plan_required'],
  ['plan by status', 402, {}, 'plan_required'],
  ['key', 401, { type: 'authentication_error', code: 'invalid_api_key' }, 'invalid_api_key'],
  ['key by status', 401, 'Unauthorized', 'invalid_api_key'],
  ['permission as 401', 401, { status: 'missing_permissions', message: '' }, 'missing_permission'],
  ['permission', 403, { code: 'insufficient_permissions' }, 'missing_permission'],
  ['credits, old format', 401, { status: 'quota_exceeded', message: 'Upgrade your plan.' }, 'quota_exceeded'],
  ['audio', 400, { code: 'invalid_audio_format', type: 'validation_error' }, 'invalid_audio'],
  ['file type', 400, { code: 'invalid_file_type' }, 'invalid_audio'],
  ['too short', 400, { code: 'audio_too_short', type: 'validation_error' }, 'audio_too_short'],
  ['too short as text', 400, 'The audio is too short.', 'audio_too_short'],
  ['too long', 400, { code: 'audio_too_long' }, 'audio_too_long'],
  ['too large', 413, { code: 'request_too_large' }, 'audio_too_large'],
  ['moderation', 400, { code: 'content_policy_violation' }, 'moderation'],
  ['array form', 422, [{ loc: ['body', 'name'], msg: 'Field required', type: 'missing' }], 'validation'],
  ['bad request', 400, { code: 'bad_request', message: 'No.' }, 'validation'],
  ['agent', 404, { code: 'agent_not_found', type: 'not_found' }, 'not_found'],
  ['voice, old format', 400, { status: 'voice_does_not_exist', message: '' }, 'not_found'],
  ['conflict', 409, { code: 'concurrent_modification', type: 'conflict' }, 'conflict'],
  ['rate', 429, { code: 'rate_limit_exceeded', message: 'Upgrade your plan.' }, 'rate_limited'],
  ['busy', 429, { code: 'system_busy' }, 'rate_limited'],
  ['server error that talks of slots', 500, SLOTS, 'upstream_unavailable'],
  ['time-out', 408, undefined, 'upstream_unavailable'],
  ['redirect', 302, undefined, 'unexpected_answer'],
  ['something new', 400, { status: 'something_new', message: 'Hm.' }, 'unknown'],
  ['something else', 418, undefined, 'unknown'],
];

describe('reasons', () => {
  test.each(CASES)('%s (%i)', (_name, status, detail, reason) => {
    const parsed = parseErrorBody(JSON.stringify({ detail }));
    expect(reasonOf(status, parsed)).toBe(reason);
  });

  test.each([
    ['monthly', 'monthly '],
    ['voice', 'per month '],
    ['audio', 'audio '],
    ['samples', 'samples '.repeat(5)],
  ])('a text that is all %s takes time by its length, not by the square of it', (_name, words) => {
    const textOf = (times: number) => words.repeat(5_000 * times);
    for (const end of ['', 'voice limit']) {
      expect(reasonOf(400, { codes: [], text: textOf(10) + end })).toBe('unknown');
      expect(isLinear((times) => reasonOf(400, { codes: [], text: textOf(times) + end }))).toBe(true);
    }
  });

  test('only what passes by itself may be repeated, and a conflict of two writers', () => {
    const nothing = { codes: [], text: '' };
    expect(isRetryable('rate_limited', nothing)).toBe(true);
    expect(isRetryable('upstream_unavailable', nothing)).toBe(true);
    expect(isRetryable('conflict', { codes: ['concurrent_modification'], text: '' })).toBe(true);
    expect(isRetryable('conflict', { codes: ['voice_already_exists'], text: '' })).toBe(false);
    expect(isRetryable('voice_limit_reached', nothing)).toBe(false);
  });
});

describe('bodies', () => {
  test('the current shape', () => {
    const detail = { type: 't', code: 'c', message: 'm', status: 's', request_id: 'r', param: 'p' };
    expect(parseErrorBody(JSON.stringify({ detail }))).toEqual({
      codes: ['c', 's', 't'],
      text: 'm',
      param: 'p',
      requestId: 'r',
    });
  });

  test('the array, with all its messages and the place of the first', () => {
    const detail = [
      { loc: ['body', 'files', 0], msg: 'a', type: 'x' },
      { loc: ['body', 'name'], msg: 'b', type: 'y' },
    ];
    expect(parseErrorBody(JSON.stringify({ detail }))).toEqual({ codes: ['x'], text: 'a; b', param: 'body.files.0' });
  });

  test.each(['', 'null', '[]', '<html>', '{"detail":7}', '{"detail":[]}', '{"detail":[1]}', '{}'])('%s', (body) => {
    expect(parseErrorBody(body)).toEqual({ codes: [], text: '' });
  });

  test('a long list says what its first ten say', () => {
    const issue = { loc: ['body', ...Array(50).fill('x')], msg: 'm', type: 't' };
    const body = JSON.stringify({ detail: Array(10_000).fill(issue) });
    const { codes, text, param } = parseErrorBody(body);
    expect([codes, text.length, param?.split('.').length]).toEqual([['t'], 10 * 3 - 2, 10]);
  });

  test('codes that are not words are left out: they may be anything', () => {
    const detail = { code: 'Ivan said so', status: 7, message: {} };
    expect(parseErrorBody(JSON.stringify({ detail }))).toEqual({ codes: [], text: '' });
  });
});
