import type { Readable } from 'node:stream';
import * as z from 'zod/mini';
import { BodyError } from '../errors.ts';
import { idSchema } from '../ids.ts';

/** Requests of ElevenLabs are a few hundred bytes long. */
const BODY_LIMIT_BYTES = 64 * 1024;
/** ElevenLabs documents seven. */
const MOST_MEMBERS = 100;

/** Why a body says nothing about a call. */
export type CallProblem = 'not_json' | 'not_an_object' | 'too_many_members' | 'unexpected_members' | 'aborted' | 'late';

/** What ElevenLabs asks about: a call that is about to begin. */
export interface Call {
  /** The caller's number, first; on outbound calls that is our own, and the other one the person called. */
  readonly numbers: readonly [string, string];
  readonly agentId: string;
  readonly conversationId: string | undefined;
}

/** A body that cannot be used, with as much of it as can. */
export interface UnusableCall {
  readonly problem: CallProblem;
  readonly agentId: string | undefined;
}

const lenientId = z.catch(z.optional(idSchema), undefined);
/** A withheld number may come as nothing at all. */
const number = z.nullable(z.string());
/** https://elevenlabs.io/docs/eleven-agents/customization/personalization/twilio-personalization */
const schema = z.object({
  caller_id: number,
  called_number: number,
  agent_id: idSchema,
  /** Newer than the others. */
  conversation_id: lenientId,
});

/**
 * Reads the body of a request until the signal fires.
 *
 * @throws {BodyError} 413 for one over 64 KiB.
 */
export async function readCall(body: Readable | null, signal: AbortSignal): Promise<Call | UnusableCall> {
  const read = await readBody(body, signal);
  return typeof read === 'string' ? { problem: read, agentId: undefined } : parseCall(read);
}

/** What a whole body says. */
export function parseCall(bytes: Uint8Array): Call | UnusableCall {
  const json = jsonOf(bytes);
  if (json === undefined) return { problem: 'not_json', agentId: undefined };
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return { problem: 'not_an_object', agentId: undefined };
  }
  const agentId = idSchema.safeParse('agent_id' in json ? json.agent_id : undefined).data;
  if (Object.keys(json).length > MOST_MEMBERS) return { problem: 'too_many_members', agentId };
  const parsed = schema.safeParse(json).data;
  if (parsed === undefined) return { problem: 'unexpected_members', agentId };
  const { caller_id: caller, called_number: called, agent_id, conversation_id } = parsed;
  return { numbers: [caller ?? '', called ?? ''], agentId: agent_id, conversationId: conversation_id };
}

/** Leaves the stream as it is, to be read off: the response leaves by the same connection. */
function readBody(body: Readable | null, signal: AbortSignal): Promise<Buffer | 'aborted' | 'late'> {
  if (body === null) return Promise.resolve(Buffer.alloc(0));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const stop = () => {
      body.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone).pause();
      signal.removeEventListener('abort', onLate);
    };
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes <= BODY_LIMIT_BYTES) return;
      stop();
      reject(new BodyError('body_too_large', 413, 'The body is too large.', { hint: TOO_LARGE }));
    };
    const onEnd = () => {
      stop();
      resolve(Buffer.concat(chunks));
    };
    const onGone = () => {
      stop();
      resolve('aborted');
    };
    const onLate = () => {
      stop();
      resolve('late');
    };
    signal.addEventListener('abort', onLate, { once: true });
    body.on('data', onData).once('end', onEnd).once('error', onGone).once('close', onGone);
    if (signal.aborted) onLate();
  });
}

const TOO_LARGE =
  'A question about a call has a few hundred bytes, and this one had over 64 KiB: ElevenLabs did not send it.';

/** Undefined for what is not valid JSON, or not UTF-8. */
function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
