import type { Busboy } from 'busboy';
import * as z from 'zod/mini';
import { BodyError } from '../../errors.ts';
import type { HeldBody } from '../../http/bodyMemory.ts';
import { idSchema } from '../../ids.ts';
import { decodeBase64 } from '../../json/base64.ts';
import type { SignedBody } from '../../signature/signedBody.ts';
import { PayloadError } from '../errors.ts';
import type { Caller } from './greeting.ts';
import { liftSample } from './liftSample.ts';

/** What both forms of the request say. */
export interface PreCallRequest {
  readonly conversationId: string;
  readonly agentId: string;
  readonly caller: Caller;
  readonly sample: Buffer;
  readonly claimedSeconds?: number;
}

type RequestForm = { readonly kind: 'json' } | { readonly kind: 'multipart'; readonly contentType: string };

const LARGEST_METADATA_BYTES = 64 * 1024;
const MULTIPART_LIMITS = {
  parts: 8,
  fields: 4,
  files: 2,
  fieldNameSize: 100,
  headerPairs: 20,
  fieldSize: LARGEST_METADATA_BYTES,
};

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

const metadataSchema = z.object({
  type: z.literal('pre_call'),
  conversation_id: idSchema,
  agent_id: idSchema,
  caller_metadata: z.catch(z.nullish(z.object({ name: text, date_of_birth: text, phone_number: text })), undefined),
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
  const bytes = lifted?.sample ?? decodeBase64(sample.data.voice_sample.data);
  if (bytes === undefined) {
    throw new PayloadError('broken_base64', 'voice_sample.data is no base64', metadata.conversationId);
  }
  return { ...metadata, ...claimOf(json), sample: bytes };
}

async function fromMultipart(body: Buffer, contentType: string): Promise<PreCallRequest> {
  const { metadata, sample } = await readParts(body, contentType);
  if (metadata === undefined) throw new PayloadError('missing_metadata', 'The field metadata is required');
  const json = parseObject(metadata, 'The field metadata');
  const facts = readMetadata(json);
  if (sample === undefined) {
    throw new PayloadError('missing_sample', 'The file voice_sample is required', facts.conversationId);
  }
  return { ...facts, ...claimOf(json), sample };
}

interface Parts {
  metadata?: Buffer;
  sample?: Buffer;
}

async function readParts(body: Buffer, contentType: string): Promise<Parts> {
  const { default: busboy } = await import('busboy'); // most instances never need it
  return new Promise((resolve, reject) => {
    const broken = (cause?: unknown) =>
      reject(Object.assign(new PayloadError('broken_multipart', 'The multipart body is broken'), { cause }));
    let parser: Busboy;
    try {
      parser = busboy({
        headers: { 'content-type': contentType },
        limits: { ...MULTIPART_LIMITS, fileSize: body.length },
        defParamCharset: 'utf8',
      });
    } catch (cause) {
      broken(cause);
      return;
    }
    const parts: Parts = {};
    const take = (name: string, bytes: Buffer) => {
      if (name === 'metadata' && parts.metadata === undefined) parts.metadata = bytes;
      else if (name === 'voice_sample' && parts.sample === undefined) parts.sample = bytes;
      else if (name === 'metadata' || name === 'voice_sample') broken();
    };
    parser.on('field', (name, value, { nameTruncated, valueTruncated }) => {
      if (nameTruncated || valueTruncated) broken();
      else take(name, Buffer.from(value));
    });
    parser.on('file', (name, file) => {
      const pieces: Buffer[] = [];
      file.on('data', (piece: Buffer) => pieces.push(piece));
      file.on('end', () => take(name, Buffer.concat(pieces)));
      file.on('error', broken);
    });
    for (const limit of ['partsLimit', 'fieldsLimit', 'filesLimit'] as const) parser.on(limit, broken);
    parser.on('error', broken);
    parser.on('close', () => resolve(parts));
    parser.end(body);
  });
}

function parseObject(bytes: Buffer, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw new PayloadError('not_json', `${what} is no JSON`);
  }
}

function readMetadata(json: unknown): Omit<PreCallRequest, 'sample' | 'claimedSeconds'> {
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
    },
  };
}

function claimOf(json: unknown): { claimedSeconds?: number } {
  const inSample = z.object({ voice_sample: sampleSchema }).safeParse(json);
  const claim = inSample.success ? inSample.data.voice_sample : sampleSchema.safeParse(json).data;
  const seconds = claim?.duration_seconds;
  return seconds === undefined ? {} : { claimedSeconds: seconds };
}
