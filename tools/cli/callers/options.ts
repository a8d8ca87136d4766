import { isIt } from '../../command/closest.mjs';
import { UsageError } from '../../command/errors.ts';
import { flag, json, list, number, type OptionSet, path, text, type Values } from '../../command/option.ts';
import { storageOptions } from '../storageAccess.ts';

export const callersOptions = {
  name: text('NAME', 'put: as the caller is called'),
  language: text('CODE', 'put: of the conversation, such as nl'),
  voice: text('ID', 'put: a voice at ElevenLabs'),
  'first-message': text('TEXT', 'put: the greeting'),
  variables: text('JSON', 'put: dynamic variables, an object of texts, numbers, true and false'),
  agent: list('ID', 'put: only for this agent; again for more'),
  overwrite: flag('put and import replace an entry as a whole, and leave no old part of it'),
  limit: number('list shows at most so many (else 1000)', (value) => Number.isInteger(value) && value >= 1),
  out: path('FILE', 'export writes here (else standard output)'),
  ...storageOptions,
  json,
} satisfies OptionSet;

export type CallersValues = Values<typeof callersOptions>;

type Action = 'list' | 'show' | 'put' | 'remove' | 'import' | 'export';

const COMMON = ['azure', 'account', 'storage-port', 'json'];
const MEANT_FOR: Readonly<Record<Action, readonly string[]>> = {
  list: ['limit'],
  show: [],
  put: ['name', 'language', 'voice', 'first-message', 'variables', 'agent', 'overwrite'],
  remove: [],
  import: ['overwrite'],
  export: ['out'],
};
const NEEDS: Partial<Readonly<Record<Action, string>>> = {
  show: 'a number',
  put: 'a number',
  remove: 'a number',
  import: 'a file',
};

/** What the first word asks for, and the number or file behind it; empty where none belongs. */
export interface Request {
  readonly action: Action;
  readonly operand: string;
}

/** @throws UsageError for options that the action does not heed, and for a missing number or file. */
export function readRequest(values: CallersValues, [word = 'list', operand]: readonly string[]): Request {
  if (!Object.hasOwn(MEANT_FOR, word)) {
    const actions = Object.keys(MEANT_FOR);
    throw new UsageError(`There is no "${word}": ${actions.join(', ')}.${isIt(word, actions)}`);
  }
  const action = word as Action; // one of the names above
  const allowed = [...COMMON, ...MEANT_FOR[action]];
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== false);
  const stray = given.find(([name]) => !allowed.includes(name));
  if (stray !== undefined) throw new UsageError(`--${stray[0]} says nothing to ${action}`);
  const needed = NEEDS[action];
  if (needed !== undefined && operand === undefined) throw new UsageError(`${action} needs ${needed}`);
  if (needed === undefined && operand !== undefined) throw new UsageError(`Too much: ${operand}`);
  return { action, operand: operand ?? '' };
}

export function roleFor(action: Action) {
  const changes = action === 'put' || action === 'remove' || action === 'import';
  return changes ? 'Storage Blob Data Contributor' : 'Storage Blob Data Reader';
}
