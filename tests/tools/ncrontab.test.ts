import { expect, test } from 'vitest';
import { isNcrontab } from '../../tools/local/host/ncrontab.ts';

test.each([
  '0 */5 * * * *',
  '*/5 * * * *',
  '0 0 9-17/2 1,15 * Mon-Fri',
  '30 0 0 31 december sunday',
  '0 0 0 * J 0',
  '0  0 0 * * 6',
])('%s is taken', (schedule) => expect(isNcrontab(schedule)).toBe(true));

test.each([
  '',
  'hourly',
  '@daily',
  'a b c d e f',
  '0 0 0 L * *',
  '0 0 0 * * 7',
  '0 0 0 * * 5L',
  '0 0 0 * * 1#2',
  '0 0 0 ? * *',
  '60 * * * * *',
  '0 0 24 * * *',
  '0 0 0 0 * *',
  '0 */0 * * * *',
  '0 1-2-3 * * * *',
  '0 1, * * * *',
  '0 mon * * * *',
  '* * * *',
  '0 0 0 * * * *',
  '00:05:00',
])('%j is refused', (schedule) => expect(isNcrontab(schedule)).toBe(false));
