import { resolve } from 'node:path';
import { UsageError } from './errors.ts';

interface Flag {
  readonly kind: 'flag';
  readonly help: string;
}

interface ValueOption<Value> {
  readonly kind: 'value';
  /** Stands for the value in the usage text, for example `N`. */
  readonly placeholder: string;
  readonly help: string;
  /** @throws UsageError when the text is not such a value. */
  readonly read: (text: string) => Value;
  /** Never shown again. */
  readonly isSecret?: boolean;
}

type Option = Flag | ValueOption<unknown>;
/**
 * The options of one command, by name without the dashes. Not `only`, `replace` or whatever else npm, when the `--` is
 * forgotten, drops or renames unseen: tests/tools/commands.test.ts tries them all.
 */
export type OptionSet = Readonly<Record<string, Option>>;

/** What a command gets: a flag as a boolean, a value as what its option makes of it, undefined when it was not given. */
export type Values<Options extends OptionSet> = {
  readonly [Name in keyof Options]: Options[Name] extends ValueOption<infer Value> ? Value | undefined : boolean;
};

export function flag(help: string): Flag {
  return { kind: 'flag', help };
}

/** The same name, meaning and words in every command that has it. */
export const json = flag('JSON for scripts: one object a line');

export function text(placeholder: string, help: string): ValueOption<string> {
  return { kind: 'value', placeholder, help, read: (value) => value };
}

export function secret(help: string): ValueOption<string> {
  return { ...text('SECRET', help), isSecret: true };
}

/** A port on this machine; 0 means a free one. */
export function port(help: string): ValueOption<number> {
  return { kind: 'value', placeholder: 'N', help, read: readPort };
}

/** A file or folder, meant from where the user is. */
export function path(placeholder: string, help: string): ValueOption<string> {
  return { kind: 'value', placeholder, help, read: fromUser };
}

export function number(help: string, isValid: (value: number) => boolean): ValueOption<number> {
  const read = (given: string) => {
    const value = Number(given);
    if (given.trim() === '' || !isValid(value)) throw new UsageError(`"${given}" is not a usable number`);
    return value;
  };
  return { kind: 'value', placeholder: 'N', help, read };
}

/** @throws UsageError for text that is not a port number. */
export function readPort(given: string): number {
  if (!/^\d{1,5}$/.test(given) || Number(given) > 65_535) throw new UsageError(`"${given}" is not a port number`);
  return Number(given);
}

/** npm and elw run commands in the project's folder, and keep in INIT_CWD where the user is. */
export function fromUser(given: string, environment: NodeJS.ProcessEnv = process.env): string {
  return resolve(environment['INIT_CWD'] ?? '.', given);
}
