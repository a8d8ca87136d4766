import { cleanText } from '../../callers/cleanText.ts';

/** What the switch says about the caller; goes into the greeting, the voice's name and the answer, never into state or logs. */
export interface Caller {
  readonly name?: string;
  readonly dateOfBirth?: string;
  readonly phoneNumber?: string;
  /** The caller has agreed to be known next time. */
  readonly mayBeRemembered?: boolean;
}

const LONGEST_NAME = 50;
const LONGEST_VALUE = 100;

/**
 * A value that may stand in a greeting: one line of letters, digits and the few signs of names and numbers. Braces, quotes
 * and control characters would let a caller's name speak to the agent's template engine.
 */
export function cleanValue(text: string | undefined, longest = LONGEST_VALUE): string {
  const plain = (text ?? '').normalize('NFC').replace(/[^\p{L}\p{M}\p{N} .,'’+/-]/gu, ' ');
  return cleanText(plain, longest);
}

/** The name for wherever it leaves: greeting, dynamic variable, voice. Empty when nothing is left of it. */
export function cleanName(name: string | undefined): string {
  return cleanValue(name, LONGEST_NAME);
}

/** Fills the placeholders {name}, {date_of_birth} and {phone_number}; what is unknown leaves no gap behind. */
export function greeting(template: string, caller: Caller): string {
  const values: Record<string, string> = {
    name: cleanName(caller.name),
    date_of_birth: cleanValue(caller.dateOfBirth),
    phone_number: cleanValue(caller.phoneNumber),
  };
  return template
    .replace(/\{(name|date_of_birth|phone_number)\}/g, (_all, key: string) => values[key] ?? '')
    .replace(/ {2,}/g, ' ')
    .replace(/ +([,.!?])/g, '$1')
    .trim();
}

/** `Ivan_Clone_20251210_123456`: cleaned name, UTC time of the cloning; a missing name becomes `Unknown`. */
export function voiceName(caller: Caller, clonedAtMs: number): string {
  const name = cleanName(caller.name)
    .replace(/[^\p{L}\p{M}\p{N}-]+/gu, '_')
    .replace(/^_+|_+$/g, '');
  const stamp = new Date(clonedAtMs).toISOString().replace(/[-:]/g, '').replace('T', '_').slice(0, 15);
  return `${name === '' ? 'Unknown' : name}_Clone_${stamp}`;
}
