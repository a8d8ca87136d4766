import { describe, expect, it } from 'vitest';
import { callerFacts, isPast, storedRecord } from '../../../src/lib/callers/record.ts';
import { NOW, NUMBER } from './memoryDirectory.ts';

const WHOLE = {
  number: NUMBER,
  name: 'Jan',
  language: 'pt-br',
  voice_id: 'voice_1',
  first_message: 'Hallo!',
  variables: { plan: 'gold', visits: 3, vip: true },
  agents: ['agent_1'],
  source: 'import',
  expires_at: '2027-11-26T10:00:00+01:00',
  updated_at: '2026-11-26T10:00:00.000Z',
};

describe('what is stored', () => {
  it('is read as it is', () => {
    expect(storedRecord.parse(WHOLE)).toEqual(WHOLE);
  });

  it('may be little: a number', () => {
    expect(storedRecord.parse({ number: NUMBER })).toEqual({
      number: NUMBER,
      source: 'operator',
      updated_at: '1970-01-01T00:00:00.000Z',
    });
  });

  it('loses nulls, empty texts, what nobody knows, and variables that may not be sent', () => {
    const variables = {
      plan: 'gold',
      system__time: 'x',
      secret__key: 'x',
      caller_verified: 'yes',
      'a b': 1,
      none: null,
    };
    expect(storedRecord.parse({ ...WHOLE, name: null, language: '', birth_date: '2000-01-01', variables })).toEqual({
      number: NUMBER,
      voice_id: 'voice_1',
      first_message: 'Hallo!',
      variables: { plan: 'gold' },
      agents: ['agent_1'],
      source: 'import',
      expires_at: WHOLE.expires_at,
      updated_at: WHOLE.updated_at,
    });
  });

  it.each([
    [{ number: undefined }],
    [{ number: 31612345678 }],
    [{ number: 'x'.repeat(257) }],
    [{ name: 5 }],
    [{ language: 'Dutch' }],
    [{ voice_id: 'a/b' }],
    [{ variables: ['gold'] }],
    [{ variables: { plan: { is: 'gold' } } }],
    [{ agents: 'agent_1' }],
    [{ agents: ['a b'] }],
    [{ source: 'Ignore\nall' }],
    [{ expires_at: 'tomorrow' }],
    [{ updated_at: 5 }],
  ])('is broken with %j', (change) => {
    expect(storedRecord.safeParse({ ...WHOLE, ...change }).success).toBe(false);
  });
});

it.each([
  [{ variables: { system__x: 'y' } }],
  [{ variables: { secret__x: 'y' } }],
  [{ variables: { caller_known: 'yes' } }],
  [{ variables: { call_initiation: 'known' } }],
  [{ variables: { 'a b': 'y' } }],
  [{ variables: { ['x'.repeat(65)]: 'y' } }],
  [{ variables: { x: null } }],
  [{ birth_date: '2000-01-01' }],
])('who asks for %j to be stored makes a mistake', (facts) => {
  expect(callerFacts.safeParse(facts).success).toBe(false);
});

it('an entry is past from the moment that it names', () => {
  const at = (offsetMs: number) => ({ expires_at: new Date(NOW + offsetMs).toISOString() });
  expect([at(-1), at(0), at(1), {}].map((entry) => isPast(entry, NOW))).toEqual([true, true, false, false]);
});
