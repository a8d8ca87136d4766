const MONTHS = 'january february march april may june july august september october november december'.split(' ');
const DAYS = 'sunday monday tuesday wednesday thursday friday saturday'.split(' ');

/** Second, minute, hour, day of month, month, day of week. */
const fields: readonly { readonly from: number; readonly to: number; readonly names?: readonly string[] }[] = [
  { from: 0, to: 59 },
  { from: 0, to: 59 },
  { from: 0, to: 23 },
  { from: 1, to: 31 },
  { from: 1, to: 12, names: MONTHS },
  { from: 0, to: 6, names: DAYS },
];

/**
 * Whether the host takes a schedule: five or six fields of lists, ranges and steps, names of months and days by any beginning of
 * theirs, and none of the extensions of other crons, such as `L`, `#` or 7 for Sunday
 * (CrontabFieldImpl.cs in https://github.com/atifaziz/NCrontab).
 */
export function isNcrontab(schedule: string): boolean {
  const parts = schedule.split(' ').filter((part) => part !== '');
  if (parts.length !== 5 && parts.length !== 6) return false;
  return fields
    .slice(-parts.length)
    .every((field, at) => (parts[at] ?? '').split(',').every((item) => takes(field, item)));
}

function takes({ from, to, names = [] }: (typeof fields)[number], item: string): boolean {
  const [, range = '', step = '1'] = /^([^/]+)(?:\/(\d+))?$/.exec(item) ?? [];
  if (range === '*') return Number(step) > 0;
  const values = range.split('-').map((text) => numberOf(text, from, names));
  return Number(step) > 0 && values.length <= 2 && values.every((value) => value >= from && value <= to);
}

function numberOf(text: string, from: number, names: readonly string[]): number {
  if (/^\d+$/.test(text)) return Number(text);
  const at = text === '' ? -1 : names.findIndex((name) => name.startsWith(text.toLowerCase()));
  return at < 0 ? Number.NaN : at + from;
}
