import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../../command/errors.ts';
import { fromUser } from '../../command/option.ts';
import { type AudioBodyOptions, audioBody } from './audioBody.ts';
import { type Body, bodyOf } from './body.ts';
import type { SendOptions } from './options.ts';
import { type PreCallForm, preCallBody, preCallForms } from './preCallBody.ts';
import type { Endpoint } from './target.ts';

const examples = fileURLToPath(new URL('../../../examples/', import.meta.url));

/** An event ready to be sent. */
export interface Event {
  name: string;
  body: Body;
  contentType: string;
  isChunked: boolean;
  /** Who is to get it. */
  endpoint: Endpoint;
}

/** What of the request before a call both of its forms share; no event by itself. */
const preCallMetadata = 'pre_call.json';
const defaultSample = 'voice-samples/sample.wav';
const postCall = { contentType: 'application/json', endpoint: 'postCall' } as const;

/** Questions of ElevenLabs before a call, by the name that is asked for: `initiation` is about a caller who is known. */
const questions: Readonly<Record<string, string>> = {
  initiation: 'known',
  'initiation-unknown': 'unknown',
  'initiation-outbound': 'outbound',
  'initiation-withheld': 'withheld',
  'initiation-whatsapp': 'whatsapp',
};

export function exampleNames(): string[] {
  const files = readdirSync(examples).filter((file) => file.endsWith('.json') && file !== preCallMetadata);
  return [...files.map((file) => file.replace(/\.json$/, '')), ...preCallForms, ...Object.keys(questions)].sort();
}

/** Finds or makes the event that the command line asks for. */
export function findEvent(options: SendOptions): Event {
  const { event } = options;
  if (event === undefined) return audioEvent(options);
  const form = preCallForms.find((name) => name === event);
  if (form !== undefined) return preCallEvent(form, options);
  const question = questions[event];
  if (question !== undefined) return questionEvent(event, question, options);
  if (options.sample !== undefined) throw new UsageError(`--sample goes with ${preCallForms.join(' and ')}`);
  if (options.isRemembered) throw new UsageError(`--remember goes with ${preCallForms.join(' and ')}`);
  return storedEvent(event, options);
}

function preCallEvent(form: PreCallForm, { sample: file, isRemembered, conversation, isChunked }: SendOptions): Event {
  const content = readFileSync(resolve(examples, preCallMetadata));
  const sample = read(file ?? resolve(examples, defaultSample), '--sample');
  const metadata = JSON.parse(String(conversation === undefined ? content : withConversation(content, conversation)));
  if (isRemembered) metadata.caller_metadata.remember = true;
  const { content: body, contentType } = preCallBody(form, {
    metadata,
    sample,
    fileName: file ?? defaultSample,
  });
  return { name: form, body: bodyOf(body), contentType, isChunked, endpoint: 'preCall' };
}

function questionEvent(name: string, file: string, { conversation, isChunked, spoiling }: SendOptions): Event {
  if (spoiling !== undefined && spoiling !== 'invalid') {
    throw new UsageError(`--${spoiling} needs a signature, and a question before a call has none: --invalid`);
  }
  const content = readFileSync(resolve(examples, 'initiation', `${file}.json`));
  const body = conversation === undefined ? content : withConversation(content, conversation);
  return { name, body: bodyOf(body), contentType: 'application/json', isChunked, endpoint: 'initiation' };
}

function storedEvent(event: string, { conversation, isChunked }: SendOptions): Event {
  const name = event.replace(/\.json$/, '');
  const isExample = exampleNames().includes(name);
  const content = isExample ? readFileSync(resolve(examples, `${name}.json`)) : read(fromUser(event), event);
  const body = conversation === undefined ? content : withConversation(content, conversation);
  return { name: event, body: bodyOf(body), isChunked, ...postCall };
}

function audioEvent({ audioMegabytes, mp3: file, conversation }: SendOptions): Event {
  const mp3 = read(file ?? resolve(examples, 'call.mp3'), '--mp3');
  const source = file === undefined ? 'audio' : createHash('sha256').update(mp3).digest('hex').slice(0, 12);
  const size = audioMegabytes === undefined ? '' : `_${String(audioMegabytes).replace(/[^0-9]/g, '_')}mb`;
  const options: AudioBodyOptions = { mp3, conversationId: conversation ?? `conv_example_${source}${size}` };
  if (audioMegabytes !== undefined) options.bodyBytes = Math.round(audioMegabytes * 1e6);
  try {
    return { name: 'post_call_audio', body: audioBody(options), isChunked: true, ...postCall };
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function withConversation(content: Uint8Array, id: string): Uint8Array {
  let event: unknown;
  try {
    event = JSON.parse(Buffer.from(content).toString());
  } catch (cause) {
    throw new UsageError('--conversation needs an event that is JSON', { cause });
  }
  if (typeof event !== 'object' || event === null)
    throw new UsageError('--conversation needs an event that is an object');
  const holder = 'data' in event && typeof event.data === 'object' && event.data !== null ? event.data : event;
  Object.assign(holder, { conversation_id: id });
  return Buffer.from(JSON.stringify(event, null, 2));
}

/** @throws UsageError that names the option, or what was asked for by name and may have been meant as an example. */
function read(path: string, asked: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isExample = !asked.startsWith('--');
    if (code === 'ENOENT' && isExample) {
      throw new UsageError(`There is no example and no file "${asked}". Examples: ${exampleNames().join(', ')}`, {
        cause,
      });
    }
    const what = code === 'ENOENT' ? `no such file: ${path}` : code === 'EISDIR' ? `${path} is a folder` : message;
    throw new UsageError(isExample ? what : `${asked}: ${what}`, { cause });
  }
}
