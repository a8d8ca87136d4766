interface Field {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  /** In the order of their numbers, from `least` on. */
  readonly names?: readonly string[];
}

const MONTHS = 'january february march april may june july august september october november december'.split(' ');
const DAYS = 'sunday monday tuesday wednesday thursday friday saturday'.split(' ');

const FIELDS: readonly Field[] = [
  { name: 'second', least: 0, most: 59 },
  { name: 'minute', least: 0, most: 59 },
  { name: 'hour', least: 0, most: 23 },
  { name: 'day', least: 1, most: 31 },
  { name: 'month', least: 1, most: 12, names: MONTHS },
  { name: 'day of the week', least: 0, most: 6, names: DAYS },
];

/**
 * What the Functions host would not take about a timer's schedule; undefined when it takes it. With one that it does not
 * take, the host drops the whole function with one line at its start.
 *
 * The grammar is that of NCrontab 3.3.3, which the host uses (`CrontabFieldImpl.cs` in github.com/atifaziz/NCrontab;
 * `TimerSchedule.cs` in github.com/Azure/azure-webjobs-sdk-extensions). Two forms that the host has besides are refused: five
 * fields without seconds, which is read wrongly at a glance, and `00:05:00`, which works on App Service plans alone
 * (https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#timespan). `%NAME%` is, too: the value of a
 * setting is not resolved a second time.
 */
export function scheduleProblem(schedule: string): string | undefined {
  const parts = schedule.split(' ').filter((part) => part !== '');
  if (parts.length !== FIELDS.length) {
    return 'must be an NCRONTAB expression of six fields, such as 0 */5 * * * *';
  }
  const wrong = FIELDS.find((field, index) => !isField(field, parts[index] ?? ''));
  if (wrong === undefined) return undefined;
  const { name, least, most, names } = wrong;
  const orNames = names === undefined ? '' : ' or English names';
  return `has a field that the Functions host does not take, the one for the ${name}: * or ${least} to ${most}${orNames}, with - / and ,`;
}

function isField(field: Field, text: string): boolean {
  return text.split(',').every((element) => isElement(field, element));
}

/** `*`, a value, or a range of two in either order; each may have a step. */
function isElement(field: Field, text: string): boolean {
  const [, values = '', step] = /^([^/]+)(?:\/(.*))?$/.exec(text) ?? [];
  if (step !== undefined && !/^\d{1,6}$/.test(step)) return false;
  if (values === '*') return true;
  const ends = values.split('-');
  return ends.length <= 2 && ends.every((end) => isValue(field, end));
}

/** A number, or the beginning of an English name, in any case: `MON`, `february`. */
function isValue({ least, most, names = [] }: Field, text: string): boolean {
  if (/^\d{1,6}$/.test(text)) return Number(text) >= least && Number(text) <= most;
  return text !== '' && names.some((name) => name.startsWith(text.toLowerCase()));
}
