import type { Member, Members } from './members.ts';

type Target = Record<string, unknown>;

/** An object of which members are asked for, and what has been found of them. */
interface OpenObject {
  readonly members: Members;
  readonly target: Target;
}

/** The root's value is kept as if it were a member. */
// Stryker disable next-line StringLiteral: any name will do
const ROOT = 'root';

/** The members that are asked for of a JSON text, as they are met. Hears only of objects whose members are asked for. */
export class Picks {
  readonly #holder: Target = {};
  readonly #open: OpenObject[] = [];
  #pending: { readonly key: string; readonly member: Member } | undefined;

  /** A member came twice. */
  isAmbiguous = false;

  constructor(members: Members) {
    this.#pending = { key: ROOT, member: { members } };
  }

  /** How many objects are open of which members are asked for. */
  get depth(): number {
    return this.#open.length;
  }

  /**
   * What was found so far: an object has those of its members that were asked for; an array, and an object of which nothing
   * more is asked for, are empty. Undefined for a root that is a string, number or literal.
   */
  get value(): unknown {
    return this.#holder[ROOT];
  }

  /** The key of the next member; returns that member when it is asked for. */
  key(key: string): Member | undefined {
    const { members, target } = this.#open.at(-1) as OpenObject; // around a key is an object
    const member = members.get(key);
    if (member === undefined) return undefined;
    if (Object.hasOwn(target, key)) this.isAmbiguous = true;
    target[key] = undefined; // it is there, also when the text ends before its value
    this.#pending = { key, member };
    return member;
  }

  /** A bracket opens. Returns whether members are asked for of what is in it: then it has to be closed, too. */
  open(isObject: boolean): boolean {
    const target: Target = {};
    const members = this.#put(isObject ? target : [])?.members;
    if (!isObject || members === undefined) return false;
    this.#open.push({ members, target });
    return true;
  }

  close(): void {
    this.#open.pop();
  }

  /** Whether a member that is asked for has a key, and no value yet. */
  get isPending(): boolean {
    return this.#pending !== undefined;
  }

  /** The member has ended: `text` is what followed its key. */
  end(text: string): void {
    this.#put(parsed(text.slice(text.indexOf(':') + 1)));
  }

  /** Returns the member whose value it was, if it was asked for. */
  #put(value: unknown): Member | undefined {
    if (this.#pending === undefined) return undefined;
    const { key, member } = this.#pending;
    const target = this.#open.at(-1)?.target ?? this.#holder;
    target[key] = value;
    this.#pending = undefined;
    return member;
  }
}

/** A key may be spelled with escapes: `full\u005faudio` is `full_audio`. */
export function keyOf(text: string): string {
  // Stryker disable next-line StringLiteral: parsed, a key without an escape is the same
  return text.includes('\\') ? String(parsed(`"${text}"`)) : text;
}

/** Undefined only when there was a fault. */
function parsed(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Of what is broken, nothing counts.
  }
  return value;
}
