import { closest } from './closest.mjs';
import { commandLine, npmCommandLine } from './commandLine.ts';
import type { OptionSet } from './option.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** An option that npm has kept for itself, and the value that it gave it. */
interface Kept {
  readonly name: string;
  readonly value: string;
}

interface Call {
  readonly name: string;
  readonly options: OptionSet;
  /** How the usage text shows them; empty when nothing may come besides options. */
  readonly operands: string;
}

/**
 * What to tell a user who has forgotten the lone `--` before the options: npm takes them for its own then, and only its variables
 * tell (https://docs.npmjs.com/cli/v11/using-npm/scripts#packagejson-vars). npm 10 takes the word behind an unknown option as its
 * value, npm 11 passes it on. A near miss of an option counts as well; anything else may be somebody's setting of npm itself.
 *
 * @returns undefined when npm has kept nothing, or did not start this command.
 */
export function forgottenDashes(
  command: Call,
  given: readonly string[],
  environment: Environment = process.env,
): string | undefined {
  const { name, options } = command;
  if (environment['npm_lifecycle_event'] !== name) return undefined;
  const kept = keptByNpm(Object.keys(options), environment);
  if (kept.length === 0) return undefined;
  const args = asTyped(command, given, kept);
  return [
    `npm has kept ${kept.map((option) => `--${option.name}`).join(', ')} for itself. Options go behind a lone "--":`,
    '',
    `  ${npmCommandLine(name, args)}`,
    `  ${commandLine(name, args, { ELW: process.platform === 'win32' ? '.\\elw' : './elw' })}   (needs no "--")`,
    '',
    process.platform === 'win32'
      ? 'PowerShell may drop the "--" (https://github.com/npm/cli/issues/4903): write it in quotes, or use .\\elw. Nothing was done.'
      : 'Nothing was done.',
  ].join('\n');
}

/** Letters that npm takes for options of its own, also several behind two dashes: `--app` is `--all --parseable`. */
const SHORTHANDS: Readonly<Record<string, string>> = {
  a: 'all',
  f: 'force',
  g: 'global',
  l: 'long',
  p: 'parseable',
  y: 'yes',
};

function keptByNpm(names: readonly string[], environment: Environment): Kept[] {
  const set = Object.entries(environment).flatMap(([variable, value]) => {
    const key = /^npm_config_(.+)$/.exec(variable)?.[1]?.replaceAll('_', '-');
    return key === undefined || value === undefined || value === '' || value === 'false' ? [] : [[key, value] as const];
  });
  const keys = new Map(set);
  const spelledOut = names.filter((name) => [...name].every((letter) => keys.get(SHORTHANDS[letter] ?? '') === 'true'));
  return [
    ...spelledOut.map((name) => ({ name, value: 'true' })),
    ...set.flatMap(([key, value]) => {
      const name = closest(key, names);
      return name === undefined ? [] : [{ name, value }];
    }),
  ];
}

/** The command line that was meant, with placeholders for what npm's variables do not tell. */
function asTyped({ options, operands }: Call, given: readonly string[], kept: readonly Kept[]): string[] {
  const isFlag = ({ name }: Kept) => options[name]?.kind === 'flag';
  // npm 10 may have taken an operand as the value of a flag; npm 11 has passed on each value as an operand.
  const isClear = kept.every((option) => isFlag(option) === (option.value === 'true'));
  const words = [...given];
  const typed = kept.flatMap((option) => {
    const shape = options[option.name];
    if (shape?.kind !== 'value') return [`--${option.name}`];
    if (shape.isSecret) return [`--${option.name}`, shape.placeholder];
    const known = option.value !== 'true' ? option.value : operands === '' ? words.shift() : undefined;
    return [`--${option.name}`, known ?? shape.placeholder];
  });
  return [...(operands === '' ? [] : isClear ? words : [operands]), ...typed];
}
