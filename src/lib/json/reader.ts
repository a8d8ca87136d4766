import { Bits } from './bits.ts';
import { makeRecovery, makeTransitions, numberOf } from './grammar.ts';
import type { Members } from './members.ts';
import { keyOf, Picks } from './picks.ts';

const TRANSITIONS = makeTransitions();
const RECOVERY = makeRecovery();
const FAULT = numberOf('fault');
const VALUE = numberOf('value');
const VALUE_OR_END = numberOf('valueOrEnd');
const KEY = numberOf('key');
const KEY_OR_END = numberOf('keyOrEnd');
const COLON = numberOf('colon');
const OWN_KEY = numberOf('ownKey');
const OWN_KEY_OR_END = numberOf('ownKeyOrEnd');
const OWN_KEY_TEXT = numberOf('ownKeyText');
const AUDIO_COLON = numberOf('audioColon');
const AUDIO_TEXT = numberOf('audioText');
const AFTER_VALUE = numberOf('afterValue');
const TEXT = numberOf('text');
/** The states inside of strings are the lowest. */
const LAST_TEXT = AUDIO_TEXT;
const OPEN_OBJECT = numberOf('openObject');
const OPEN_ARRAY = numberOf('openArray');
const CLOSE_OBJECT = numberOf('closeObject');
const CLOSE_ARRAY = numberOf('closeArray');
const COMMA = numberOf('comma');
const OPEN_KEY = numberOf('openKey');
const CLOSE_KEY = numberOf('closeKey');
const OPEN_AUDIO = numberOf('openAudio');
const BROKEN = numberOf('broken');
const SPACE = 0x20;

/**
 * Reads a JSON text (RFC 8259) while it grows: checks its grammar as strictly as `JSON.parse`, picks the members that are
 * asked for, and stops where the audio begins. Nothing else is made into values. One step a byte and a bit a level of nesting.
 *
 * After a fault it goes on, so that the audio of a broken text is found as well, and the ids that name it in quarantine.
 *
 * It does not check UTF-8: text that is not ASCII comes out garbled, so only ids, types and the like are to be asked for.
 */
export class JsonReader {
  readonly #picks: Picks;
  /** For each enclosing bracket, whether it is in an object. */
  readonly #brackets = new Bits();
  // Stryker disable next-line BooleanLiteral: a bracket sets it before it matters
  #isObject = false;
  /** Whether members are asked for of what the innermost bracket holds. Outside of all brackets the root is asked for. */
  #isOwn = true;
  #state = VALUE;
  #keyStart = 0;
  #keyEnd = 0;
  #isBroken = false;

  /** How much has been read. */
  at = 0;
  /** Whether that is inside of the audio's string, whose first byte is at `audioStart`. */
  inAudio = false;
  audioStart = 0;

  constructor(members: Members) {
    this.#picks = new Picks(members);
  }

  /** Whether what was read is a whole JSON text. */
  get isComplete(): boolean {
    return !this.#isBroken && this.#brackets.length === 0 && TRANSITIONS[(this.#state << 8) | SPACE] === AFTER_VALUE;
  }

  /** A member that was asked for came twice. */
  get isAmbiguous(): boolean {
    return this.#picks.isAmbiguous;
  }

  /** The members that were found so far, see {@link Picks.value}. */
  get value(): unknown {
    return this.#picks.value;
  }

  /** Reads on to the end of `json`, which begins as it did the last time; or to the first byte of the audio's string. */
  read(json: Buffer): void {
    const { length } = json;
    let state = this.#state;
    let at = this.at;
    while (at < length) {
      const next = TRANSITIONS[(state << 8) | (json[at++] as number)] as number; // both have as many
      // Stryker disable next-line ConditionalExpression,EqualityOperator: byte by byte gives the same, later
      if (next <= LAST_TEXT) at = endOfPlainText(json, at);
      if (next < OPEN_OBJECT) state = next;
      // Stryker disable next-line all: a comma in what is not asked for, sooner
      else if (next === COMMA && !this.#isOwn) state = this.#isObject ? KEY : VALUE;
      else if (next === BROKEN) {
        this.#isBroken = true;
        if (state > LAST_TEXT) at--; // it may be a structural character
        state = RECOVERY[state] as number;
      } else {
        state = this.#act(next, json, at);
        if (this.inAudio) break;
      }
    }
    this.at = at;
    this.#state = state;
  }

  /** Returns the state that follows; `at` is the index behind the byte. */
  #act(action: number, json: Buffer, at: number): number {
    switch (action) {
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        return this.#openBracket(action === OPEN_OBJECT);
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        if (this.#isObject !== (action === CLOSE_OBJECT)) this.#isBroken = true;
        if (this.#brackets.length === 0) return this.#fault();
        if (this.#isOwn) {
          this.#endMember(json, at - 1);
          this.#picks.close();
        }
        this.#isObject = this.#brackets.pop();
        this.#isOwn = this.#picks.depth === this.#brackets.length;
        return AFTER_VALUE;
      case COMMA:
        if (this.#brackets.length === 0) return this.#fault();
        this.#endMember(json, at - 1);
        return OWN_KEY;
      case OPEN_KEY:
        this.#keyStart = at;
        return OWN_KEY_TEXT;
      case CLOSE_KEY:
        return this.#closeKey(json, at);
      case OPEN_AUDIO:
        this.inAudio = true;
        this.audioStart = at;
        return AUDIO_TEXT;
      default:
        this.inAudio = false; // closeAudio
        return AFTER_VALUE;
    }
  }

  #fault(): number {
    this.#isBroken = true;
    return FAULT;
  }

  #openBracket(isObject: boolean): number {
    this.#isOwn = this.#isOwn && this.#picks.open(isObject);
    this.#brackets.push(this.#isObject);
    this.#isObject = isObject;
    if (this.#isOwn) return OWN_KEY_OR_END;
    return isObject ? KEY_OR_END : VALUE_OR_END;
  }

  #closeKey(json: Buffer, at: number): number {
    this.#keyEnd = at;
    const member = this.#picks.key(keyOf(json.toString('latin1', this.#keyStart, at - 1)));
    return member?.isAudio === true ? AUDIO_COLON : COLON;
  }

  #endMember(json: Buffer, end: number): void {
    // Stryker disable next-line ConditionalExpression: what is not asked for is not put anywhere
    if (this.#picks.isPending) this.#picks.end(json.toString('latin1', this.#keyEnd, end));
  }
}

/** The index of the first byte in a string that does not stand for itself. */
function endOfPlainText(json: Buffer, from: number): number {
  let at = from;
  // Stryker disable next-line ConditionalExpression,EqualityOperator: byte by byte gives the same, later
  while (at < json.length && TRANSITIONS[(TEXT << 8) | (json[at] as number)] === TEXT) at++;
  return at;
}
