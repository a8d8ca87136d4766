import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { isIt } from './closest.mjs';
import { commandLine } from './commandLine.ts';
import { Failure, UsageError } from './errors.ts';
import { forgottenDashes } from './npmOptions.ts';
import type { OptionSet, Values } from './option.ts';
import { usageOf } from './usage.ts';

/** A command of this project: a file that calls {@link runCommand}, an npm script, and a line in tools/commands.json. */
export interface Command<Options extends OptionSet> {
  /** The npm script's name. */
  readonly name: string;
  readonly options: Options;
  /** Other names of options that npm would swallow or rename without the lone `--`, and so are not shown. */
  readonly aliases?: Readonly<Record<string, keyof Options & string>>;
  /** What may come besides options: how the usage text shows it, and how many at most. Default: nothing. */
  readonly operands?: { readonly shown: string; readonly most: number };
  /** What the usage text has to say besides the options. */
  readonly details?: string;
  /** @returns the exit code, 0 when nothing is returned. @throws UsageError, Failure. */
  run(given: Given<Options>): Promise<number | undefined> | number | undefined;
}

interface Given<Options extends OptionSet> {
  readonly values: Values<Options>;
  readonly operands: readonly string[];
}

/**
 * Runs a command with the arguments of this process and sets its exit code: 0 it is done, 1 it failed, 2 wrong usage. What
 * a user cannot mend is shown with its stack.
 *
 * @example
 * await runCommand({ name: 'storage', options: { port: port('else 10000') }, run: ({ values }) => serve(values.port) });
 */
export async function runCommand<const Options extends OptionSet>(command: Command<Options>): Promise<void> {
  // Whoever reads the output may have seen enough: `npm run blobs | head`.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const { name, options, aliases = {}, operands = { shown: '', most: 0 }, details = '' } = command;
  const described = { name, options, details, operands: operands.shown };
  try {
    const { texts, words } = parse(options, renamed(process.argv.slice(2), aliases));
    const forgotten = forgottenDashes(described, words);
    if (forgotten !== undefined) throw new UsageError(forgotten);
    if (texts['help'] === true) {
      console.log(usageOf(described));
      return;
    }
    if (words.length > operands.most)
      throw new UsageError(`Too many arguments: ${words.slice(operands.most).join(' ')}`);
    process.exitCode = (await command.run({ values: read(options, texts), operands: words })) ?? 0;
  } catch (error) {
    process.exitCode = error instanceof UsageError ? 2 : 1;
    console.error(error instanceof UsageError || error instanceof Failure ? error.message : error);
    if (error instanceof UsageError) console.error(`\n${commandLine(name, ['--help'])} says more.`);
  }
}

function renamed(args: readonly string[], aliases: Readonly<Record<string, string>>): string[] {
  return args.map((arg) => {
    const name = arg.startsWith('--') ? aliases[arg.slice(2)] : undefined;
    return name === undefined ? arg : `--${name}`;
  });
}

type Texts = Readonly<Record<string, unknown>>;

function parse(options: OptionSet, args: string[]): { texts: Texts; words: string[] } {
  const help: ParseArgsOptionsConfig = { help: { type: 'boolean', short: 'h' } };
  const types = Object.entries(options).map(
    ([name, option]) =>
      [
        name,
        {
          type: option.kind === 'flag' ? 'boolean' : 'string',
          multiple: option.kind === 'value' && option.isRepeatable === true,
        },
      ] as const,
  );
  try {
    const config = { args, allowPositionals: true, options: { ...Object.fromEntries(types), ...help } } as const;
    const { values: texts, positionals: words } = parseArgs(config);
    return { texts, words };
  } catch (cause) {
    throw new UsageError(explained(cause, Object.keys(options)), { cause });
  }
}

function explained(error: unknown, names: readonly string[]): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const unknown = code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' ? /'(-[^']*)'/.exec(message)?.[1] : undefined;
  if (unknown === undefined) return message;
  return `There is no option ${unknown}.${isIt(unknown.replace(/^-+/, ''), names, '--')}`;
}

function read<Options extends OptionSet>(options: Options, texts: Texts): Values<Options> {
  const values = Object.entries(options).map(([name, option]) => {
    const text = texts[name];
    const given = Array.isArray(text) ? text.join(',') : text;
    if (option.kind === 'flag') return [name, given === true];
    return [name, typeof given === 'string' ? readValue(name, option, given) : undefined];
  });
  // The entries are those of the options, each read by its own one.
  return Object.fromEntries(values) as Values<Options>;
}

function readValue(name: string, { read }: { read: (text: string) => unknown }, given: string): unknown {
  try {
    return read(given);
  } catch (cause) {
    throw cause instanceof UsageError ? new UsageError(`--${name}: ${cause.message}`, { cause }) : cause;
  }
}
