import { expect, it } from 'vitest';
import { refusal, wrongEndpoint } from '../../../src/lib/postCall/refusal.ts';

it.each([
  'not_json',
  'not_an_event',
  'ambiguous',
  'unknown_type',
  'unusable_ids',
  'no_audio',
  'broken_audio',
  'unexpected_audio',
] as const)('a body in quarantine as %s is answered with 400 under that code', (reason) => {
  const error = refusal(reason);
  expect(error).toMatchObject({ code: reason, status: 400 });
  expect(error.message).not.toBe('');
  expect(error.hint).toContain('quarantine');
});

it('the refusal of an unknown type says which switch to leave off', () => {
  expect(refusal('unknown_type').hint).toContain('Switch this event off at ElevenLabs');
});

it('the refusal of a delivery for the other endpoint names both, and says that nothing was kept', () => {
  const error = wrongEndpoint();
  expect(error).toMatchObject({ code: 'wrong_endpoint', status: 400 });
  expect(error.hint).toMatch(/\/elevenlabs\/webhook.*\/elevenlabs\/precall\/webhook.*[Nn]othing was kept/);
});
