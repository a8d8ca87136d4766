import type { IncomingMessage } from 'node:http';
import { readVoiceForm, type VoiceForm } from './multipart.ts';
import { malformed, NO_PLAN, notFound, ok, type Reply, refuse, SLOTS_FULL } from './reply.ts';
import { type ElevenLabsState, isObject, newId, type StoredVoice } from './state.ts';

const DEFAULT_PAGE = 10;
const LARGEST_PAGE = 100;

/** `POST /v1/voices/add` (docs/facts/elevenlabs.md#voices). A slot is counted and taken in one step, so two clones cannot share it. */
export async function addVoice(state: ElevenLabsState, request: IncomingMessage): Promise<Reply> {
  let form: VoiceForm;
  try {
    form = await readVoiceForm(request);
  } catch {
    return malformed(['body'], 'There was an error parsing the body');
  }
  return wrongWith(state, form) ?? clone(state, form);
}

function wrongWith(state: ElevenLabsState, { fields, samples }: VoiceForm): Reply | undefined {
  if (!fields.get('name')) return malformed(['body', 'name'], 'Field required', 'missing');
  if (samples.length === 0 && !fields.has('files')) return malformed(['body', 'files'], 'Field required', 'missing');
  const unnamed = samples.findIndex(({ fileName, contentType }) => fileName === undefined || contentType === undefined);
  if (fields.has('files') || unnamed !== -1) {
    return malformed(['body', 'files', Math.max(0, unnamed)], 'Value error, Expected UploadFile');
  }
  if (labelsOf(fields) === undefined) return malformed(['body', 'labels'], 'Labels must be a JSON object of strings');
  if (new Set(samples.map(({ sha256 }) => sha256)).size < samples.length) return refuse(invalid('Duplicate files.'));
  if (samples.some(({ sizeBytes }) => sizeBytes === 0)) return refuse(invalid('A file is empty.'));
  if (state.voiceLimit === 0) return refuse(NO_PLAN, state.errorFormat);
  if (state.slotsUsed < state.voiceLimit) return undefined;
  return refuse(SLOTS_FULL(state.slotsUsed, state.voiceLimit), state.errorFormat);
}

const invalid = (message: string) => ({ status: 400, type: 'validation_error', code: 'invalid_audio', message });

function clone(state: ElevenLabsState, { fields, samples }: VoiceForm): Reply {
  const voice = state.addVoice({
    name: fields.get('name') ?? '',
    description: fields.get('description') ?? null,
    labels: labelsOf(fields) ?? {},
    samples: samples.map(({ fileName = '', contentType = '', sizeBytes, sha256 }) => ({
      sample_id: newId(20),
      file_name: fileName,
      mime_type: contentType,
      size_bytes: sizeBytes,
      hash: sha256,
    })),
  });
  return ok({ voice_id: voice.voice_id, requires_verification: state.requiresVerification });
}

function labelsOf(fields: ReadonlyMap<string, string>): Record<string, string> | undefined {
  try {
    const labels: unknown = JSON.parse(fields.get('labels') ?? '{}');
    const isFit = isObject(labels) && Object.values(labels).every((value) => typeof value === 'string');
    return isFit ? (labels as Record<string, string>) : undefined; // checked right above
  } catch {
    return undefined;
  }
}

export function getVoice(state: ElevenLabsState, id: string): Reply {
  const voice = state.voices.get(id);
  return voice === undefined ? refuse(notFound('voice', id), state.errorFormat) : ok(voice);
}

export function deleteVoice(state: ElevenLabsState, id: string): Reply {
  return state.voices.delete(id) ? ok({ status: 'ok' }) : refuse(notFound('voice', id), state.errorFormat);
}

/** `GET /v2/voices` (docs/facts/elevenlabs.md#voices): newest first; a page's token is the id of the last voice before it. */
export function listVoices(state: ElevenLabsState, query: URLSearchParams): Reply {
  const size = Number(query.get('page_size') ?? DEFAULT_PAGE);
  if (!Number.isInteger(size) || size < 1 || size > LARGEST_PAGE) {
    return malformed(['query', 'page_size'], `Input should be from 1 to ${LARGEST_PAGE}`);
  }
  const found = [...state.voices.values()].reverse().filter((voice) => fits(voice, query));
  const token = query.get('next_page_token');
  const from = token === null ? 0 : found.findIndex(({ voice_id }) => tokenOf(voice_id) === token) + 1;
  if (token !== null && from === 0) return malformed(['query', 'next_page_token'], 'Unknown token');
  const voices = found.slice(from, from + size);
  const hasMore = from + size < found.length;
  return ok({
    voices,
    has_more: hasMore,
    total_count: query.get('include_total_count') === 'false' ? 0 : found.length,
    next_page_token: hasMore ? tokenOf(voices.at(-1)?.voice_id ?? '') : null,
  });
}

function fits(voice: StoredVoice, query: URLSearchParams): boolean {
  const search = query.get('search')?.toLowerCase();
  const texts = [voice.name, voice.description ?? '', voice.category, ...Object.values(voice.labels)];
  const category = query.get('category');
  const isOurs = voice.category !== 'premade';
  const voiceType = query.get('voice_type');
  return (
    (search === undefined || texts.some((text) => text.toLowerCase().includes(search))) &&
    (category === null || voice.category === category) &&
    (voiceType === null || (voiceType === 'default' ? !isOurs : isOurs))
  );
}

const tokenOf = (voiceId: string) => Buffer.from(voiceId).toString('base64url');
