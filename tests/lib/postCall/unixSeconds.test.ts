import { describe, expect, it } from 'vitest';
import { unixSeconds } from '../../../src/lib/postCall/unixSeconds.ts';

const AT = 1_739_537_297;

describe('unixSeconds', () => {
  it.each([
    [1_739_537_297, 1_739_537_297],
    [1_739_537_297.9, 1_739_537_297],
    ['1739537297', 1_739_537_297],
    ['2025-02-14T12:48:17Z', 1_739_537_297],
    ['2025-02-14T12:48:17.999Z', 1_739_537_297],
    ['2025-02-14T13:48:17+01:00', 1_739_537_297],
    ['2025-02-14', 1_739_491_200],
    [946_684_800, 946_684_800],
    [4_102_444_799, 4_102_444_799],
  ])('reads %j', (value, seconds) => {
    expect(unixSeconds(value)).toBe(seconds);
  });

  it.each([
    undefined,
    null,
    true,
    '',
    'yesterday',
    '1739537297.5',
    ' 1739537297',
    '-1739537297',
    '2025-02-30T99:00:00Z',
    'Fri, 14 Feb 2025 12:48:17 GMT',
    1_739_537_297_000,
    '1739537297000',
    0,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    946_684_799,
    4_102_444_800,
    [],
    {},
  ])('makes nothing of %j', (value) => {
    expect(unixSeconds(value)).toBeUndefined();
  });

  it('reads ISO 8601 text without a zone as UTC, whatever the zone of the machine', () => {
    const zone = process.env['TZ'];
    try {
      for (const TZ of ['UTC', 'America/New_York', 'Asia/Tokyo']) {
        process.env['TZ'] = TZ;
        expect(unixSeconds('2025-02-14T12:48:17'), TZ).toBe(AT);
      }
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
  });
});
