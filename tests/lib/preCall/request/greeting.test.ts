import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cleanValue, greeting, voiceName } from '../../../../src/lib/preCall/request/greeting.ts';

const AT = Date.UTC(2025, 11, 10, 12, 34, 56, 789);
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('{{x}}', '{name}'),
);

describe('voice names', () => {
  test.each([
    ['Ivan', 'Ivan_Clone_20251210_123456'],
    ['Ivan van Dijk', 'Ivan_van_Dijk_Clone_20251210_123456'],
    ['  José  O’Neill-Ñ ', 'José_O_Neill-Ñ_Clone_20251210_123456'],
    ['李小龍', '李小龍_Clone_20251210_123456'],
    ['', 'Unknown_Clone_20251210_123456'],
    ['"{}"<>', 'Unknown_Clone_20251210_123456'],
    ['_._', 'Unknown_Clone_20251210_123456'],
    ['a'.repeat(80), `${'a'.repeat(50)}_Clone_20251210_123456`],
  ])('%s', (name, expected) => {
    expect(voiceName({ name }, AT)).toBe(expected);
  });

  test('of a caller without a name', () => {
    expect(voiceName({}, AT)).toBe('Unknown_Clone_20251210_123456');
  });

  test('have the same form whatever the caller is called', () => {
    fc.assert(
      fc.property(anyText, (name) => {
        expect(voiceName({ name }, AT)).toMatch(/^[\p{L}\p{M}\p{N}-][\p{L}\p{M}\p{N}_-]{0,49}_Clone_20251210_123456$/u);
      }),
    );
  });
});

describe('greetings', () => {
  const template = 'Hallo {name}, fijn dat je belt!';
  test.each([
    [template, { name: 'Ivan' }, 'Hallo Ivan, fijn dat je belt!'],
    [template, {}, 'Hallo, fijn dat je belt!'],
    [template, { name: '  ' }, 'Hallo, fijn dat je belt!'],
    ['Dag {name} ({phone_number}), {date_of_birth}', { name: 'A' }, 'Dag A (),'],
    ['{name} {name}', { name: 'Jo' }, 'Jo Jo'],
    ['{unknown} {name}', { name: 'Jo' }, '{unknown} Jo'],
    ['No placeholder', { name: 'Jo' }, 'No placeholder'],
  ])('%s for %j', (text, caller, expected) => {
    expect(greeting(text, caller)).toBe(expected);
  });

  test('a name that is itself a placeholder stays a name', () => {
    expect(greeting('{name} / {phone_number}', { name: '{phone_number}', phoneNumber: '+316' })).toBe(
      'phone number / +316',
    );
  });

  test('a name with replacement patterns is taken literally', () => {
    expect(greeting('<{name}>', { name: "$& $1 $$ $'" })).not.toMatch(/\{name\}|\$/);
  });

  test('no value can speak to the agent’s template engine or break the line', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, (name, dateOfBirth, phoneNumber) => {
        const text = greeting('[{name}|{date_of_birth}|{phone_number}]', { name, dateOfBirth, phoneNumber });
        expect(text).toMatch(/^\[[^|{}"<>\p{Cc}]*\|[^|{}"<>\p{Cc}]*\|[^|{}"<>\p{Cc}]*\]$/u);
      }),
    );
  });
});

describe('cleaned values', () => {
  test('stay as they are when cleaned again', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const cleaned = cleanValue(text);
        expect(cleanValue(cleaned)).toBe(cleaned);
        expect(cleaned.length).toBeLessThanOrEqual(100);
      }),
    );
  });

  test('are whole characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 0, maxLength: 120 }), (text) => {
        expect(cleanValue(text).isWellFormed()).toBe(true);
      }),
    );
    expect(cleanValue(`a${'𝒜'.repeat(60)}`).isWellFormed()).toBe(true);
  });
});
