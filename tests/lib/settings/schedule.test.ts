import { describe, expect, it } from 'vitest';
import { scheduleProblem } from '../../../src/lib/settings/schedule.ts';

/** Decided by NCrontab 3.3.3 with seconds, which the Functions host asks: https://github.com/atifaziz/NCrontab. */
describe('the Functions host takes', () => {
  it.each([
    '0 */5 * * * *',
    '* * * * * *',
    '59 59 23 31 12 6',
    '0 0 0 1 1 0',
    '00 007 * * * *',
    '0 0 9-17 * * MON-FRI',
    '0 0 0 * * sunday',
    '0 0 0 * * S',
    '0 0 0 * January,Feb,m *',
    '0 0,15,30-45 * * * *',
    '0 10-50/20 * * * *',
    '0 5/10 * * * *',
    '0 50-10 * * * *',
    '0 */90 * * * *',
    '0 */0 * * * *',
    '0 *,5 * * * *',
    '0  */5   * * * *',
    '0 0 0 31 2 *',
  ])('%j', (schedule) => {
    expect(scheduleProblem(schedule)).toBeUndefined();
  });
});

describe('it drops a function whose schedule is', () => {
  it.each([
    ['text', 'every five minutes', 'six fields'],
    ['nothing', '', 'six fields'],
    ['seven fields', '0 0 0 * * * *', 'six fields'],
    ['the last day of a month', '0 0 0 L * *', 'for the day:'],
    ['the last Friday', '0 0 0 * * 5L', 'day of the week'],
    ['a weekday near a date', '0 0 0 15W * *', 'for the day:'],
    ['the second Tuesday', '0 0 0 * * 2#2', 'day of the week'],
    ['no particular day', '0 0 0 ? * *', 'for the day:'],
    ['day 7 of the week', '0 0 0 * * 7', 'day of the week'],
    ['a range to day 7', '0 0 0 * * 1-7', 'day of the week'],
    ['second 60', '60 * * * * *', 'second'],
    ['minute 60', '0 60 * * * *', 'minute'],
    ['hour 24', '0 0 24 * * *', 'hour'],
    ['day 0', '0 0 0 0 * *', 'for the day:'],
    ['day 32', '0 0 0 32 * *', 'for the day:'],
    ['steps from day 0', '0 0 0 0/5 * *', 'for the day:'],
    ['month 13', '0 0 0 1 13 *', 'month'],
    ['a month that does not exist', '0 0 0 1 FOO *', 'month'],
    ['a month with more than its name', '0 0 0 1 Marchs *', 'month'],
    ['a name where none belongs', '0 MON * * * *', 'minute'],
    ['a negative number', '0 -5 * * * *', 'minute'],
    ['a fraction', '0 1.5 * * * *', 'minute'],
    ['a number with a letter', '0 5m * * * *', 'minute'],
    ['a range of three', '0 1-2-3 * * * *', 'minute'],
    ['a range without an end', '0 5- * * * *', 'minute'],
    ['a range of stars', '0 *-5 * * * *', 'minute'],
    ['a step of nothing', '0 */ * * * *', 'minute'],
    ['a step before its values', '0 /5 * * * *', 'minute'],
    ['two steps', '0 */5/2 * * * *', 'minute'],
    ['an empty element', '0 1,,2 * * * *', 'minute'],
    ['a comma at an end', '0 1, * * * *', 'minute'],
    ['a number without bounds', '0 99999999999 * * * *', 'minute'],
    ['a nickname', '@hourly', 'six fields'],
    ['separated by a tab', '0\t*/5 * * * *', 'six fields'],
  ])('%s: %j', (_name, schedule, problem) => {
    expect(scheduleProblem(schedule)).toContain(problem);
  });
});

describe('forms of the host that the app does not take, because they fail elsewhere or read wrongly', () => {
  it.each(['*/5 * * * *', '00:05:00', '1.00:00:00', '%OTHER_SETTING%'])('%j', (schedule) => {
    expect(scheduleProblem(schedule)).toContain('six fields');
  });
});
