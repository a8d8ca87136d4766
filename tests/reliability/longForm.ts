/** The variables by which `tests/reliability/long.ts` asks for the long forms. */
export const LONG_FORMS = {
  wire: 'WIRE_ALL',
  kills: 'CRASH_KILLS',
  minutes: 'SOAK_MINUTES',
  clicks: 'PAGE_CLICKS',
  screenshots: 'PAGE_SCREENSHOTS',
} as const;

/** The number that was asked for; undefined in the short form, which is what CI runs. */
export function longForm(name: keyof typeof LONG_FORMS): number | undefined {
  const asked = process.env[LONG_FORMS[name]];
  return asked === undefined ? undefined : Number(asked);
}
