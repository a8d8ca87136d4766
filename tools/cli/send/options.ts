import { parseArgs } from 'node:util';
import { parsePort } from '../ports.ts';

export const usage = `Usage: npm run send -- <example or file> [options]

Sends a signed event and checks the answer. Exit code 0 when it is the expected one, 1 when not, 2 for wrong usage.

  --list               names of the examples
  --health             asks GET /health instead
  --url ADDRESS        base address, or the webhook's full one (default http://127.0.0.1:7071, or PORT)
  --secret SECRET      (else ELEVENLABS_WEBHOOK_SECRET, local.settings.json, on this machine the development secret;
                       before a call ELEVENLABS_PRECALL_WEBHOOK_SECRET comes first)
  --conversation ID    replaces the conversation id; by default an example goes out as it is, so a second time is a duplicate
  --chunked            without Content-Length, as ElevenLabs sends audio
  --audio-mb N         a post_call_audio event of N million bytes, chunked
  --mp3 FILE           a post_call_audio event with your recording, chunked
  --sample FILE        with pre-call and pre-call-multipart: your WAV, MP3 or OGG instead of the example's
  --twice              the same delivery two times                 (expects 200 both times)
  --invalid            signed with another secret                  (expects 401)
  --tamper             one bit changed after signing               (expects 401)
  --stale, --future    signed one hour ago, or one hour ahead      (expects 400)
  --expect STATUS      expects this status instead
  --json               result as JSON
  --help               this text`;

/** Wrong command line; the message says what is wrong with it. */
export class UsageError extends Error {}

const flag = { type: 'boolean' } as const;
const text = { type: 'string' } as const;
const known = {
  list: flag,
  health: flag,
  url: text,
  secret: text,
  conversation: text,
  chunked: flag,
  'audio-mb': text,
  mp3: text,
  sample: text,
  twice: flag,
  invalid: flag,
  tamper: flag,
  stale: flag,
  future: flag,
  expect: text,
  json: flag,
  help: { type: 'boolean', short: 'h' },
} as const;

/** How a delivery is spoiled on purpose, and the answer that it should get. */
const spoilings = { invalid: 401, tamper: 401, stale: 400, future: 400 } as const;
type Spoiling = keyof typeof spoilings;

export interface SendOptions {
  action: 'help' | 'list' | 'health' | 'send';
  event?: string | undefined;
  url: string;
  secret?: string | undefined;
  conversation?: string | undefined;
  isChunked: boolean;
  audioMegabytes?: number | undefined;
  mp3?: string | undefined;
  sample?: string | undefined;
  times: 1 | 2;
  spoiling?: Spoiling | undefined;
  expected: number;
  isJson: boolean;
}

/** Reads the command line. Throws a {@link UsageError} for what makes no sense. */
export function readOptions(args: string[], environment: NodeJS.ProcessEnv): SendOptions {
  const { values, positionals } = parse(args);
  const chosen = (Object.keys(spoilings) as Spoiling[]).filter((name) => values[name] === true);
  if (chosen.length > 1) throw new UsageError(`--${chosen.join(' and --')} do not go together`);
  if (positionals.length > 1) throw new UsageError('Only one example or file at a time');
  const options: SendOptions = {
    action: values.help ? 'help' : values.list ? 'list' : values.health ? 'health' : 'send',
    event: positionals[0],
    url: values.url ?? `http://127.0.0.1:${defaultPort(environment)}`,
    secret: values.secret,
    conversation: values.conversation,
    isChunked: values.chunked === true,
    audioMegabytes: number('--audio-mb', values['audio-mb'], (size) => size > 0 && size <= 10_000),
    mp3: values.mp3,
    sample: values.sample,
    times: values.twice ? 2 : 1,
    spoiling: chosen[0],
    expected: number('--expect', values.expect, isStatus) ?? (chosen[0] === undefined ? 200 : spoilings[chosen[0]]),
    isJson: values.json === true,
  };
  const isAudio = options.audioMegabytes !== undefined || options.mp3 !== undefined;
  if (options.action !== 'send') return options;
  if (options.event === undefined && !isAudio) throw new UsageError('Which example or file is to be sent?');
  if (options.sample !== undefined && isAudio) throw new UsageError('--sample does not go with --audio-mb or --mp3');
  if (options.event !== undefined && isAudio) throw new UsageError('--audio-mb and --mp3 make their own event');
  return options;
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: known, allowPositionals: true });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function defaultPort(environment: NodeJS.ProcessEnv): number {
  return parsePort(environment['PORT'] || '7071') ?? 7071;
}

function number(name: string, value: string | undefined, isValid: (number: number) => boolean): number | undefined {
  if (value === undefined) return undefined;
  const parsed = Number(value);
  if (value.trim() === '' || !isValid(parsed)) throw new UsageError(`${name} ${value}: not a usable number`);
  return parsed;
}

function isStatus(value: number): boolean {
  return Number.isInteger(value) && value >= 100 && value <= 599;
}
