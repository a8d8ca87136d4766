import { expect, it } from 'vitest';
import { normaliseNumber } from '../../../src/lib/callers/number.ts';

it.each([
  ['+31 6 1234 5678', undefined, '+31612345678'],
  ['+31 (0)6 12345678', undefined, '+31612345678'],
  ['31612345678', undefined, '+31612345678'],
  ['31612345678', 'NL', '+31612345678'],
  ['31612345678', 'US', '+31612345678'],
  ['06 12345678', 'NL', '+31612345678'],
  ['(213) 373-4253', 'US', '+12133734253'],
  ['0031612345678', 'NL', '+31612345678'],
  ['sip:+31612345678@example.com', undefined, '+31612345678'],
  ['<sips:31612345678:secret@example.com;transport=tls>', undefined, '+31612345678'],
  ['"Jan" <sip:%2B31612345678;npdi@example.com:5061>', undefined, '+31612345678'],
  ['0612345678@example.com', 'NL', '+31612345678'],
  ['tel:+31-6-12345678;phone-context=x', undefined, '+31612345678'],
  ['whatsapp:+31612345678', undefined, '+31612345678'],
  ['447911123456', 'DE', '+447911123456'],
  ['4915112345678', 'DE', '+4915112345678'],
  ['015112345678', 'DE', '+4915112345678'],
  ['31612345678', 'AT', '+31612345678'],
  ['2025550142', 'US', '+12025550142'],
  ['12025550142', 'US', '+12025550142'],
  ['12345678', undefined, '+12345678'],
  ['123456789012345', undefined, '+123456789012345'],
  ['+4915550100', undefined, '+4915550100'],
  ['+99912345678', undefined, '+99912345678'],
])('%s from %s is the number %s', (given, country, number) => {
  expect(normaliseNumber(given, country)).toBe(number);
});

it.each([
  ['06 12345678', undefined],
  ['sip:reception@example.com', 'NL'],
  ['1234', undefined],
  ['1234567', undefined],
  ['1234567890123456', undefined],
  ['extension 12', 'NL'],
  ['+12', undefined],
])('%s from %s is taken as text', (given, country) => {
  expect(normaliseNumber(` ${given} `, country)).toBe(given);
});

it.each([
  undefined,
  '',
  '  ',
  'anonymous',
  'Restricted',
  'PRIVATE',
  'unknown',
  'unavailable',
  '+266696687',
  '+266 696 687',
  'sip:anonymous@anonymous.invalid',
  'sip:@example.com',
  '"Anonymous" <sip:anonymous@anonymous.invalid>',
  'x'.repeat(257),
])('%s is withheld', (given) => {
  expect(normaliseNumber(given, 'NL')).toBeUndefined();
});

it('of a country that does not exist, a local number stays as it is', () => {
  for (const country of ['nl', 'XX', '']) expect(normaliseNumber('0612345678', country)).toBe('0612345678');
});
