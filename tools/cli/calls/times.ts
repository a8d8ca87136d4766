import { UsageError } from '../../command/errors.ts';

const UNITS: Readonly<Record<string, number>> = { m: 60, h: 3_600, d: 86_400, w: 7 * 86_400 };

/** How a user may write a time. */
const TIME_FORMS = 'today, yesterday, 90m, 2h, 7d, 2w, 2026-11-26, 2026-11-26T14:30';

/**
 * A time as a user writes it, in milliseconds since 1970: `today` and dates begin at midnight of the local zone, or of UTC.
 *
 * @throws UsageError for anything else.
 */
export function readTime(text: string, { isUtc, now }: { readonly isUtc: boolean; readonly now: number }): number {
  if (text === 'today') return midnight(now, isUtc, 0);
  if (text === 'yesterday') return midnight(now, isUtc, 1);
  const [, count, unit = ''] = /^(\d{1,6})([mhdw])$/.exec(text) ?? [];
  if (count !== undefined) return now - Number(count) * (UNITS[unit] ?? 0) * 1000;
  const [, date, time = '00:00', zone = isUtc ? 'Z' : ''] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?))?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
  const parsed = date === undefined || !isDay(date) ? Number.NaN : Date.parse(`${date}T${time}${zone}`);
  if (Number.isNaN(parsed)) throw new UsageError(`"${text}" is not a time: ${TIME_FORMS}`);
  return parsed;
}

/** `Date.parse` takes the 31st of any month. */
function isDay(date: string): boolean {
  const parsed = Date.parse(`${date}T00:00Z`);
  return !Number.isNaN(parsed) && new Date(parsed).toISOString().startsWith(date);
}

/** `2026-11-26 14:30:05`, in the local zone; in UTC with a `Z`. */
export function showTime(time: Date, isUtc: boolean): string {
  if (isUtc) return `${time.toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const two = (part: number) => String(part).padStart(2, '0');
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-');
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':')}`;
}

/** `4:07`, `1:02:03`. */
export function showDuration(seconds: number): string {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}

function midnight(now: number, isUtc: boolean, daysAgo: number): number {
  const date = new Date(now);
  if (isUtc) return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() - daysAgo);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() - daysAgo).getTime();
}
