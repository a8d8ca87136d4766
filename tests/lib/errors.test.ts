import { expect, test } from 'vitest';
import { hintOf, WebhookError } from '../../src/lib/errors.ts';
import { USUAL_CAUSES as POST_CALL } from '../../src/lib/postCall/usualCauses.ts';
import { USUAL_CAUSES as PRE_CALL } from '../../src/lib/preCall/usualCauses.ts';

const error = (code: string, hint?: string) => new WebhookError(code, 401, 'm', hint === undefined ? {} : { hint });

test.each<[string | undefined, string, string | undefined]>([
  ['What was found.', 'known', 'What was found. The usual cause.'],
  ['What was found.', 'other', 'What was found.'],
  [undefined, 'known', 'The usual cause.'],
  [undefined, 'other', undefined],
])('the hint of an error that says %j, of the code %s', (found, code, hint) => {
  expect(hintOf(error(code, found), { known: 'The usual cause.' })).toBe(hint);
});

const GATES = [
  'signature_missing',
  'signature_malformed',
  'signature_mismatch',
  'timestamp_too_old',
  'timestamp_in_future',
  'body_too_large',
];

test.each([
  ['post-call', POST_CALL],
  ['pre-call', PRE_CALL],
])('%s knows what usually causes each refusal of the gates', (_name, causes) => {
  expect(Object.keys(causes)).toEqual(GATES);
});

test('what causes a refusal of pre-call is looked for in the switch, never at ElevenLabs', () => {
  const { signature_missing, ...others } = PRE_CALL;
  expect(signature_missing).toContain('ElevenLabs does not call this endpoint');
  for (const cause of Object.values(others)) expect(cause).not.toMatch(/ElevenLabs/);
});
