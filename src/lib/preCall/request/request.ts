import * as z from 'zod/mini';
import { BodyError } from '../../errors.ts';
import type { HeldBody } from '../../http/bodyMemory.ts';
import { idSchema } from '../../ids.ts';
import type { SignedBody } from '../../signature/signedBody.ts';
import { PayloadError } from '../errors.ts';
import { formParts } from './formParts.ts';
import type { Caller } from './greeting.ts';
import { liftSample } from './liftSample.ts';
import { decodeSampleText, problemOfSampleText } from './sampleText.ts';

/** What both forms of the request say. */
export interface PreCallRequest {
  readonly conversationId: string;
  readonly agentId: string;
  readonly caller: Caller;
  readonly sample: Buffer;
  readonly declaredSeconds?: number;
}

type RequestForm = { readonly kind: 'json' } | { readonly kind: 'multipart'; readonly contentType: string };

const LARGEST_METADATA_BYTES = 64 * 1024;

/** @throws {BodyError} 415 for anything but JSON and multipart. */
function formOf(contentType: string | null): RequestForm {
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase();
  if (type === 'application/json') return { kind: 'json' };
  if (type === 'multipart/form-data') return { kind: 'multipart', contentType: contentType ?? '' };
  throw new BodyError('unsupported_media_type', 415, 'The body must be application/json or multipart/form-data');
}

/**
 * Reads the whole of a body that is small by its limit, and takes it apart only when it is known to be genuine.
 *
 * `held` counts what this holds, until its owner releases it.
 *
 * @throws {PayloadError} 400, {@link BodyError} 415, and whatever the body throws.
 */
export async function readRequest(
  body: SignedBody,
  contentType: string | null,
  held?: HeldBody,
): Promise<PreCallRequest> {
  const whole = await readWhole(body, held);
  body.proof();
  const form = formOf(contentType);
  return form.kind === 'json' ? fromJson(whole) : fromMultipart(whole, form.contentType);
}

async function readWhole(body: SignedBody, held: HeldBody | undefined): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  held?.evicted.addEventListener('abort', () => pieces.splice(0));
  for await (const bytes of body) {
    held?.arrived(bytes.length);
    held?.hold(body.receivedBytes);
    pieces.push(bytes);
  }
  held?.keep();
  held?.hold(2 * body.receivedBytes); // the pieces and the whole at first, then the whole and the sample out of it
  return Buffer.concat(pieces);
}

const text = z.catch(z.nullish(z.string().check(z.maxLength(1000))), undefined);

/** Nothing but `true` is one. */
const consent = z.catch(z.optional(z.boolean()), undefined);

const metadataSchema = z.object({
  type: z.literal('pre_call'),
  conversation_id: idSchema,
  agent_id: idSchema,
  caller_metadata: z.catch(
    z.nullish(z.object({ name: text, date_of_birth: text, phone_number: text, remember: consent })),
    undefined,
  ),
});
const sampleSchema = z.object({ duration_seconds: z.catch(z.optional(z.number()), undefined) });

function fromJson(body: Buffer): PreCallRequest {
  const lifted = liftSample(body);
  const json = lifted?.json ?? parseObject(body, 'The body');
  const sample = z
    .object({ voice_sample: z.looseObject({ format: z.literal('base64'), data: z.string() }) })
    .safeParse(json);
  const metadata = readMetadata(json);
  if (!sample.success) {
    const what = 'voice_sample with format "base64" and data is required';
    throw new PayloadError('missing_sample', what, metadata.conversationId);
  }
  const { data } = sample.data.voice_sample;
  const bytes = lifted?.sample ?? decodeSampleText(data);
  if (bytes === undefined) {
    const what = `voice_sample.data ${problemOfSampleText(data)}`;
    throw new PayloadError('broken_base64', what, metadata.conversationId);
  }
  return { ...metadata, ...declaredIn(json), sample: bytes };
}

async function fromMultipart(body: Buffer, contentType: string): Promise<PreCallRequest> {
  const parts = await formParts(body, contentType);
  const partOf = (name: string) => {
    const [part, ...more] = parts.filter((each) => each.name === name);
    if (more.length > 0) throw new PayloadError('broken_multipart', `The form has more than one part named ${name}`);
    return part;
  };
  const metadata = partOf('metadata');
  const sample = partOf('voice_sample');
  if (metadata === undefined) throw new PayloadError('missing_metadata', 'The form has no part named metadata');
  if (metadata.bytes.length > LARGEST_METADATA_BYTES) {
    throw new PayloadError('broken_multipart', `The part metadata is over ${LARGEST_METADATA_BYTES} bytes`);
  }
  const json = parseObject(metadata.bytes, 'The part metadata');
  const facts = readMetadata(json);
  if (sample === undefined) {
    throw new PayloadError('missing_sample', 'The form has no part named voice_sample', facts.conversationId);
  }
  // A plain field is text to every form library, and bytes of audio are not safe in it.
  if (!sample.isFile) {
    const what = 'The part voice_sample needs a file name or a content type';
    throw new PayloadError('missing_sample', what, facts.conversationId);
  }
  return { ...facts, ...declaredIn(json), sample: sample.bytes };
}

function parseObject(bytes: Buffer, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw new PayloadError('not_json', `${what} is not valid JSON in UTF-8`);
  }
}

function readMetadata(json: unknown): Omit<PreCallRequest, 'sample' | 'declaredSeconds'> {
  const parsed = metadataSchema.safeParse(json);
  if (!parsed.success) {
    const names = [...new Set(parsed.error.issues.map((issue) => String(issue.path[0] ?? 'the object')))];
    const reason = names.includes('type') ? 'wrong_type' : 'unusable_ids';
    const conversation = z.object({ conversation_id: idSchema }).safeParse(json).data?.conversation_id;
    throw new PayloadError(reason, `Missing or not usable: ${names.join(', ')}`, conversation);
  }
  const { conversation_id: conversationId, agent_id: agentId, caller_metadata: caller } = parsed.data;
  return {
    conversationId,
    agentId,
    caller: {
      ...(caller?.name ? { name: caller.name } : {}),
      ...(caller?.date_of_birth ? { dateOfBirth: caller.date_of_birth } : {}),
      ...(caller?.phone_number ? { phoneNumber: caller.phone_number } : {}),
      ...(caller?.remember ? { mayBeRemembered: true } : {}),
    },
  };
}

function declaredIn(json: unknown): { declaredSeconds?: number } {
  const inSample = z.object({ voice_sample: sampleSchema }).safeParse(json);
  const declared = inSample.success ? inSample.data.voice_sample : sampleSchema.safeParse(json).data;
  const seconds = declared?.duration_seconds;
  return seconds === undefined ? {} : { declaredSeconds: seconds };
}
