/** English words, with the zone and the clock (12 or 24 hours) of the browser. */
const locale = globalThis.navigator?.languages?.find((language) => /^en\b/i.test(language)) ?? 'en-GB';
const { hourCycle } = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' }).resolvedOptions();
const clock = hourCycle === undefined ? {} : { hourCycle };

const timeFormat = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', ...clock });
const momentFormat = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium', ...clock });
const dayFormat = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });

/** `14:05`. */
export function showTime(time: Date): string {
  return timeFormat.format(time);
}

/** With the day and seconds. */
export function showMoment(time: Date): string {
  return momentFormat.format(time);
}

/** `Today, Thursday, 26 November 2026`. */
export function showDay(day: Date, now: Date): string {
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  const name = isSameDay(day, now) ? 'Today, ' : isSameDay(day, yesterday) ? 'Yesterday, ' : '';
  return name + dayFormat.format(day);
}

export function isSameDay(one: Date, other: Date): boolean {
  return one.toDateString() === other.toDateString();
}

/** `4:07`, `1:02:03`. */
export function showDuration(seconds: number): string {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}
