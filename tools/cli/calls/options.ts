import { idSchema } from '../../../src/lib/ids.ts';
import { isIt } from '../../command/closest.mjs';
import { UsageError } from '../../command/errors.ts';
import { flag, json, number, type OptionSet, path, port, secret, text, type Values } from '../../command/option.ts';
import { storageOptions } from '../storageAccess.ts';

export const callOptions = {
  since: text('TIME', 'calls that began then or later: today, yesterday, 2h, 7d, 2026-11-26, 2026-11-26T14:30'),
  until: text('TIME', 'calls that began before'),
  agent: text('ID', 'only of this agent'),
  caller: text('NUMBER', 'only with this number'),
  failed: flag('failures, and calls that were not successful'),
  'without-recording': flag('calls that took place and have no recording'),
  text: text('WORDS', 'calls in which these words occur, in any case: reads their bodies'),
  limit: number(
    'the newest so many (else 1000; page 10000)',
    (value) => Number.isInteger(value) && value >= 1 && value <= 100_000,
  ),
  utc: flag('times in UTC'),
  out: path('DIR', 'where get writes files (else here)'),
  url: text('URL', 'replay sends to this app, its address or that of its webhook; --to is the same'),
  secret: secret('replay signs with this one (else ELEVENLABS_WEBHOOK_SECRET)'),
  'new-ids': flag('replay gives the conversations new ids'),
  rate: number('replay sends at most so many a second', (value) => value > 0 && value <= 1000),
  'in-place': flag('replay quarantine classifies and stores here, without sending anything'),
  reason: text('REASON', 'replay quarantine: only what is there for this reason'),
  repair: flag('verify erases again what came back of erased calls'),
  yes: flag('does it: erase; replay to another machine'),
  elevenlabs: flag(
    "erase also deletes the conversation at ElevenLabs, with the operator's key (ELEVENLABS_OPERATOR_API_KEY)",
  ),
  voice: text('ID', 'erase the calls for which this clone was made'),
  resume: flag('erase goes on with what was begun and is not finished'),
  receipt: path('FILE', 'where erase writes its receipt (else erase-<time>.json, here)'),
  port: port('where page listens (else 7171, or a free one)'),
  ...storageOptions,
  json,
} satisfies OptionSet;

export type CallValues = Values<typeof callOptions>;

type Action = 'list' | 'page' | 'show' | 'get' | 'verify' | 'erase' | 'replay';

const STORAGE = ['azure', 'account', 'storage-port'];
const COMMON = [...STORAGE, 'json', 'utc'];
const FILTERS = ['since', 'until', 'agent', 'caller', 'failed', 'without-recording', 'text', 'limit'];
const MEANT_FOR: Readonly<Record<Action, readonly string[]>> = {
  list: [...COMMON, ...FILTERS],
  page: [...STORAGE, 'since', 'until', 'agent', 'limit', 'port', 'utc'],
  show: [...COMMON, 'agent'],
  get: [...COMMON, ...FILTERS, 'out'],
  verify: [...COMMON, 'since', 'repair'],
  erase: [...COMMON, 'agent', 'caller', 'voice', 'yes', 'elevenlabs', 'resume', 'receipt'],
  replay: [...COMMON, ...FILTERS, 'url', 'secret', 'new-ids', 'rate', 'yes'],
};
/** What replay quarantine heeds, without sending and with it. */
const IN_PLACE = [...COMMON, 'in-place', 'yes', 'since', 'until', 'agent', 'reason'];
const QUARANTINE = [...IN_PLACE, 'url', 'secret', 'new-ids', 'rate', 'limit'];

/** What the first word asks for, and the id behind it, which may be shortened. */
export interface Request {
  readonly action: Action;
  readonly conversationId: string | undefined;
}

/** @throws UsageError for options that the action does not heed, and for what is not an id. */
export function readRequest(values: CallValues, [word = 'list', id, ...more]: readonly string[]): Request {
  if (!Object.hasOwn(MEANT_FOR, word)) {
    const actions = Object.keys(MEANT_FOR);
    const hint = isId(word) ? ` To see one call: show ${word}` : '';
    throw new UsageError(`There is no "${word}": ${actions.join(', ')}.${isIt(word, actions) || hint}`);
  }
  const action = word as Action; // one of the names above
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== false);
  const isOfQuarantine = action === 'replay' && id === 'quarantine';
  if (values['in-place'] && !isOfQuarantine) throw new UsageError('--in-place is for replay quarantine');
  if (values['in-place'] && values.url !== undefined) throw new UsageError('--in-place and --to exclude each other');
  const meant = isOfQuarantine ? (values['in-place'] ? IN_PLACE : QUARANTINE) : MEANT_FOR[action];
  const stray = given.find(([name]) => !meant.includes(name));
  if (stray !== undefined) {
    throw new UsageError(`--${stray[0]} says nothing to ${action}${isOfQuarantine ? ' quarantine' : ''}`);
  }
  if (more.length > 0 || (id !== undefined && ['list', 'page', 'verify'].includes(action))) {
    throw new UsageError(`Too much: ${[id, ...more].join(' ')}`);
  }
  if (id !== undefined && !isId(id) && !isShortened(id)) throw new UsageError(`"${id}" is not a conversation's id`);
  if (values.agent !== undefined && !isId(values.agent))
    throw new UsageError(`--agent: "${values.agent}" is not an id`);
  if (action === 'show' && id === undefined) throw new UsageError('show needs the id of a conversation');
  return { action, conversationId: id };
}

/** Versions are deleted by an owner of the data alone; whoever only looks needs no more than reading. */
export function roleFor(action: Action, { yes, repair, 'in-place': inPlace }: CallValues) {
  const isErasing = (action === 'erase' && yes) || repair;
  if (inPlace) return 'Storage Blob Data Contributor';
  return isErasing ? 'Storage Blob Data Owner' : 'Storage Blob Data Reader';
}

/** As `npm start` shows ids: `conv_4801…0001`. */
export function isShortened(id: string): boolean {
  return id.split('…').length === 2 && id.split('…').every((part) => part === '' || isId(part));
}

function isId(text: string): boolean {
  return idSchema.safeParse(text).success;
}
