const FIRST_SECOND = Date.UTC(2000, 0) / 1000;
const LAST_SECOND = Date.UTC(2100, 0) / 1000;

/** Unix seconds from a number, a numeric text, or ISO 8601 text (docs/facts/elevenlabs.md#the-envelope); undefined if unreadable. */
export function unixSeconds(value: unknown): number | undefined {
  let seconds = Number.NaN;
  if (typeof value === 'number') seconds = Math.floor(value);
  else if (typeof value === 'string' && /^\d{1,12}$/.test(value)) seconds = Number(value);
  else if (typeof value === 'string' && /^\d{4}-\d{2}-\d{2}/.test(value)) seconds = Math.floor(isoMs(value) / 1000);
  return seconds >= FIRST_SECOND && seconds < LAST_SECOND ? seconds : undefined;
}

/** A time of day without a zone is UTC here, not the machine's own. */
function isoMs(text: string): number {
  const hasZone = !text.includes(':') || /(Z|[+-]\d{2}:?\d{2})$/i.test(text);
  return Date.parse(hasZone ? text : `${text}Z`);
}
