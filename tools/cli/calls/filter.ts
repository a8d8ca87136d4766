import { normaliseNumber } from '../../../src/lib/callers/number.ts';
import type { CallFilter } from '../../../src/lib/calls/findCalls.ts';
import { defaultCountry } from '../../../src/lib/settings/callersSettings.ts';
import { UsageError } from '../../command/errors.ts';
import type { StorageAccess } from '../storageAccess.ts';
import type { CallValues } from './options.ts';
import { readTime } from './times.ts';

/** Without a time it is about today: what began or was stored then. */
export function filterOf(
  values: CallValues,
  { settings }: Pick<StorageAccess, 'settings'>,
  now = Date.now(),
): CallFilter {
  const filter = { ...chosen(values, settings, now) };
  if (filter.since !== undefined || filter.until !== undefined) return filter;
  const today = readTime('today', { isUtc: values.utc, now });
  return { ...filter, since: today, orStoredSince: today };
}

/** The same without the limit to today, where everything of somebody is asked for. */
export function filterOfAll(values: CallValues, { settings }: Pick<StorageAccess, 'settings'>): CallFilter {
  return chosen(values, settings, Date.now());
}

function chosen(values: CallValues, settings: StorageAccess['settings'], now: number): CallFilter {
  const time = (name: 'since' | 'until') => {
    const text = values[name];
    return text === undefined ? undefined : readTime(text, { isUtc: values.utc, now });
  };
  if (values.text !== undefined && values.text.trim() === '') throw new UsageError('--text needs words');
  return {
    since: time('since'),
    until: time('until'),
    agentId: values.agent,
    number: values.caller === undefined ? undefined : readNumber(values.caller, settings),
    isFailed: values.failed,
    lacksRecording: values['without-recording'],
    text: values.text?.trim(),
  };
}

/** @throws UsageError for a number that is withheld. */
export function readNumber(given: string, settings: StorageAccess['settings']): string {
  const number = normaliseNumber(given, defaultCountry(settings));
  if (number === undefined) throw new UsageError('--caller: not a number that anybody could be found by');
  return number;
}
