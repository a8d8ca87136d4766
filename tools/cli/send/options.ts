import { UsageError } from '../../command/errors.ts';
import { flag, json, number, path, secret, text, type Values } from '../../command/option.ts';
import { readEnvironmentPort } from '../environmentPort.ts';

export const sendOptions = {
  list: flag('names of the examples'),
  health: flag('asks GET /health instead'),
  url: text('ADDRESS', "base address, or the webhook's full one (default http://127.0.0.1:7071, or PORT)"),
  secret: secret(
    'else ELEVENLABS_WEBHOOK_SECRET, local.settings.json, on this machine the development secret; before a call ELEVENLABS_PRECALL_WEBHOOK_SECRET comes first, and initiation has INITIATION_SECRET',
  ),
  conversation: text(
    'ID',
    'replaces the conversation id; by default an example goes out as it is, so a second time is a duplicate',
  ),
  chunked: flag('without Content-Length, as ElevenLabs sends audio'),
  'audio-mb': number('a post_call_audio event of N million bytes, chunked', (size) => size > 0 && size <= 10_000),
  mp3: path('FILE', 'a post_call_audio event with your recording, chunked'),
  sample: path('FILE', "with pre-call and pre-call-multipart: your WAV, MP3 or OGG instead of the example's"),
  remember: flag('with pre-call and pre-call-multipart: the caller agrees to be known next time'),
  twice: flag('the same delivery twice (expects 200 both times)'),
  invalid: flag('with another secret (expects 401)'),
  tamper: flag('one bit changed after signing (expects 401)'),
  stale: flag('signed one hour ago (expects 400)'),
  future: flag('signed one hour ahead (expects 400)'),
  expect: number('expects this status instead', isStatus),
  json,
} as const;

/** How a delivery is spoiled on purpose, and the answer that it should get. */
const spoilings = { invalid: 401, tamper: 401, stale: 400, future: 400 } as const;
type Spoiling = keyof typeof spoilings;

/** What is spoiled when nothing is named. */
const usualEvent = 'post_call_transcription';

export interface SendOptions {
  action: 'list' | 'health' | 'send';
  event?: string | undefined;
  url: string;
  secret?: string | undefined;
  conversation?: string | undefined;
  isChunked: boolean;
  audioMegabytes?: number | undefined;
  mp3?: string | undefined;
  sample?: string | undefined;
  /** The caller of a pre-call request agrees to be known next time. */
  isRemembered: boolean;
  times: 1 | 2;
  spoiling?: Spoiling | undefined;
  expected: number;
  isJson: boolean;
}

/** Makes sense of the command line. Throws a {@link UsageError} for what makes none. */
export function readOptions(values: Values<typeof sendOptions>, [named]: readonly string[]): SendOptions {
  const chosen = (Object.keys(spoilings) as Spoiling[]).filter((name) => values[name]);
  if (chosen.length > 1) throw new UsageError(`--${chosen.join(' and --')} do not go together`);
  const isAudio = values['audio-mb'] !== undefined || values.mp3 !== undefined;
  const options: SendOptions = {
    action: values.list ? 'list' : values.health ? 'health' : 'send',
    event: named ?? (chosen.length > 0 && !isAudio && values.sample === undefined ? usualEvent : undefined),
    url: values.url ?? `http://127.0.0.1:${readEnvironmentPort('PORT') ?? 7071}`,
    secret: values.secret,
    conversation: values.conversation,
    isChunked: values.chunked,
    audioMegabytes: values['audio-mb'],
    mp3: values.mp3,
    sample: values.sample,
    isRemembered: values.remember,
    times: values.twice ? 2 : 1,
    spoiling: chosen[0],
    expected: values.expect ?? (chosen[0] === undefined ? 200 : spoilings[chosen[0]]),
    isJson: values.json,
  };
  if (options.action !== 'send') return options;
  if (options.sample !== undefined && isAudio) throw new UsageError('--sample does not go with --audio-mb or --mp3');
  if (options.event !== undefined && isAudio) throw new UsageError('--audio-mb and --mp3 make their own event');
  if (options.event === undefined && !isAudio)
    throw new UsageError('Which example or file should be sent? --list shows the examples');
  return options;
}

function isStatus(value: number): boolean {
  return Number.isInteger(value) && value >= 100 && value <= 599;
}
