import { readFileSync } from 'node:fs';
import { commandLine } from './commandLine.ts';
import type { OptionSet } from './option.ts';

const WIDTH = 110;

/** What `--help` prints. */
export interface Described {
  /** The npm script's name; its line in tools/commands.json opens the text. */
  readonly name: string;
  /** How the usage shows what comes besides options, for example `[PREFIX]`; empty when nothing may. */
  readonly operands: string;
  readonly options: OptionSet;
  /** What a reader has to know besides the options. */
  readonly details: string;
}

export function usageOf({ name, operands, options, details }: Described): string {
  const call = commandLine(name, [...(operands === '' ? [] : [operands]), '[options]']);
  const rows = Object.entries(options).map(([option, { help, ...kind }]) => {
    const value = kind.kind === 'value' ? ` ${kind.placeholder}` : '';
    return [`--${option}${value}`, help] as const;
  });
  const all = [...rows, ['--help', 'this text'] as const];
  const column = Math.max(...all.map(([left]) => left.length)) + 5;
  return [
    `Usage: ${call}`,
    '',
    ...wrapped(sentence(summaryOf(name)), 0),
    ...(details === '' ? [] : ['', details]),
    '',
    ...all.flatMap(([left, help]) => {
      const [first = '', ...more] = wrapped(help, column);
      return [`  ${left}`.padEnd(column) + first, ...more.map((line) => ' '.repeat(column) + line)];
    }),
    '',
    'Exit code: 0 success, 1 failure, 2 wrong usage.',
  ].join('\n');
}

/** One line each in `npm run help`. */
function summaryOf(name: string): string {
  const file = new URL('../commands.json', import.meta.url);
  const groups = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, string>>;
  for (const commands of Object.values(groups)) if (commands[name] !== undefined) return commands[name];
  throw new Error(`tools/commands.json has no line for ${name}`);
}

function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

function wrapped(words: string, indent: number): string[] {
  const lines: string[] = [''];
  for (const word of words.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + 1 + word.length > WIDTH - indent) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}
