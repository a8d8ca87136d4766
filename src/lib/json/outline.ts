import { isUtf8 } from 'node:buffer';
import { makeTransitions, numberOf } from './grammar.ts';

// Stryker disable next-line StringLiteral: any text that is no JSON
const NO_JSON = '';
/** What stands deeper is left out: `data` is the second level. */
const DEEPEST = 2;

const TRANSITIONS = makeTransitions();
const VALUE = numberOf('value');
const VALUE_OR_END = numberOf('valueOrEnd');
const KEY = numberOf('key');
const KEY_OR_END = numberOf('keyOrEnd');
const AFTER_VALUE = numberOf('afterValue');
// Stryker disable StringLiteral: byte by byte gives the same, later
const TEXT = numberOf('text');
const KEY_TEXT = numberOf('keyText');
// Stryker restore StringLiteral
const OPEN_OBJECT = numberOf('openObject');
const OPEN_ARRAY = numberOf('openArray');
const CLOSE_OBJECT = numberOf('closeObject');
const CLOSE_ARRAY = numberOf('closeArray');
const COMMA = numberOf('comma');

/**
 * Parses a JSON text down to its second level: objects and arrays below that come out empty. They are only checked, which
 * usually costs half to two thirds of making them, and leaves hardly any garbage (docs/performance.md).
 *
 * Text that is no ASCII comes out garbled, so only ids and types are to be read: a string of single bytes costs half as much
 * to make and to parse.
 *
 * @returns undefined for what is no JSON text (RFC 8259), a byte order mark and bytes that are no UTF-8 included.
 */
export function parseOutline(json: Buffer): unknown {
  let outline: unknown;
  try {
    outline = JSON.parse(isUtf8(json) ? outlineOf(json) : NO_JSON);
  } catch {
    // What is no JSON has no outline.
  }
  return outline;
}

/** The text without what is inside of deep objects and arrays; no JSON when the text is none. */
function outlineOf(json: Buffer): string {
  const around: boolean[] = [];
  // Stryker disable next-line BooleanLiteral: out of all brackets, a comma or a bracket that closes is no JSON anyway
  let isObject = false;
  let state = VALUE;
  const outline = Buffer.allocUnsafe(json.length);
  let length = 0;
  let keptTo = 0;
  for (let at = 0; at < json.length; at++) {
    state = TRANSITIONS[(state << 8) | (json[at] as number)] as number; // both have as many
    // Stryker disable next-line ConditionalExpression,LogicalOperator: byte by byte gives the same, later
    if (state === TEXT || state === KEY_TEXT) at = endOfPlainText(json, at + 1) - 1;
    if (state < OPEN_OBJECT) continue;
    switch (state) {
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        around.push(isObject);
        isObject = state === OPEN_OBJECT;
        state = isObject ? KEY_OR_END : VALUE_OR_END;
        if (around.length === DEEPEST + 1) length += json.copy(outline, length, keptTo, at + 1);
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        if (isObject !== (state === CLOSE_OBJECT)) return NO_JSON;
        if (around.length === DEEPEST + 1) keptTo = at;
        isObject = around.pop() === true;
        state = AFTER_VALUE;
        break;
      case COMMA:
        state = isObject ? KEY : VALUE;
        break;
      default:
        return NO_JSON;
    }
  }
  // Stryker disable next-line ConditionalExpression,EqualityOperator: what is not closed is no JSON either way
  if (around.length > 0) return NO_JSON;
  length += json.copy(outline, length, keptTo);
  return outline.toString('latin1', 0, length);
}

/** The index of the first byte in a string that does not stand for itself. */
function endOfPlainText(json: Buffer, from: number): number {
  let at = from;
  // Stryker disable next-line ConditionalExpression,EqualityOperator: byte by byte gives the same, later
  while (at < json.length && TRANSITIONS[(TEXT << 8) | (json[at] as number)] === TEXT) at++;
  return at;
}
