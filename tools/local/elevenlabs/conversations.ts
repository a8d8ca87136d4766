import { createHash } from 'node:crypto';
import { malformed, notFound, ok, type Reply, refuse } from './reply.ts';
import { asObject, type ElevenLabsState, type JsonObject, newId } from './state.ts';

export interface NewConversation {
  readonly agentId: string;
  readonly conversationId?: string;
  /** Unix seconds; two hours ago when left out, so that no webhook can be expected any more. */
  readonly startedAt?: number;
  readonly durationSeconds?: number;
  readonly status?: string;
  /** The recording, or how many bytes of one are to be made up; none when 0. */
  readonly audio?: Uint8Array | number;
  /** Zero retention mode: nothing of it was stored. */
  readonly isZeroRetention?: boolean;
  /** Goes over what the detail has. */
  readonly detail?: JsonObject;
  /** Goes over what the listing has. */
  readonly listed?: JsonObject;
}

/** A call as ElevenLabs has it. Tests change it as they like. */
export interface StoredConversation {
  readonly agentId: string;
  readonly startedAt: number;
  listed: JsonObject;
  /** The bytes of the answer: `data` of the webhook event is the same. */
  detail: Buffer;
  audio: Uint8Array | number;
}

const LARGEST_PAGE = 100;
const PIECE_BYTES = 64 * 1024;

/** Makes a call that only ElevenLabs knows of: no webhook is sent. */
export function addConversation(state: ElevenLabsState, call: NewConversation): string {
  const conversation_id = call.conversationId ?? `conv_${newId(16)}`;
  const startedAt = call.startedAt ?? Math.floor(Date.now() / 1000) - 7200;
  const { agentId: agent_id, durationSeconds = 30, status = 'done', audio = 20_000, isZeroRetention = false } = call;
  const hasAudio = !isZeroRetention && (typeof audio === 'number' ? audio : audio.length) > 0;
  const transcript = isZeroRetention ? [] : [{ role: 'agent', message: 'Hello?', time_in_call_secs: 0 }];
  const detail = {
    agent_id,
    conversation_id,
    status,
    transcript,
    metadata: {
      start_time_unix_secs: startedAt,
      call_duration_secs: durationSeconds,
      features_usage: { pii_zrm_workspace: isZeroRetention, pii_zrm_agent: false },
      phone_call: null,
    },
    analysis: { call_successful: 'success', transcript_summary: 'A greeting.' },
    has_audio: hasAudio,
    ...call.detail,
  };
  const listed = {
    agent_id,
    conversation_id,
    start_time_unix_secs: startedAt,
    call_duration_secs: durationSeconds,
    message_count: transcript.length,
    status,
    call_successful: 'success',
    ...call.listed,
  };
  const stored = { agentId: agent_id, startedAt, listed, detail: Buffer.from(JSON.stringify(detail)), audio };
  state.conversations.set(conversation_id, stored);
  return conversation_id;
}

/** `GET /v1/convai/conversations`: newest first unless asked for otherwise; a cursor is where the next page begins. */
export function listConversations(state: ElevenLabsState, query: URLSearchParams): Reply {
  const size = Number(query.get('page_size') ?? 30);
  if (!(size >= 1 && size <= LARGEST_PAGE)) {
    return malformed(
      ['query', 'page_size'],
      `Input should be less than or equal to ${LARGEST_PAGE}`,
      'less_than_equal',
    );
  }
  const [after, before] = ['call_start_after_unix', 'call_start_before_unix'].map((name) => query.get(name));
  const excluded = query.getAll('exclude_statuses');
  const found = [...state.conversations.values()]
    .filter(({ agentId, startedAt, listed }) => {
      if (query.has('agent_id') && query.get('agent_id') !== agentId) return false;
      if (after !== null && startedAt <= Number(after)) return false;
      return !(before !== null && startedAt >= Number(before)) && !excluded.includes(String(listed['status']));
    })
    .sort((one, other) => one.startedAt - other.startedAt);
  if (query.get('sort_direction') !== 'asc') found.reverse();
  const from = Number(query.get('cursor') ?? 0);
  const page = found.slice(from, from + size);
  const hasMore = from + size < found.length;
  return ok({
    conversations: [...page, ...state.listedTwice.flatMap((id) => state.conversations.get(id) ?? [])].map(
      ({ listed }) => listed,
    ),
    next_cursor: hasMore ? String(from + size) : null,
    has_more: hasMore,
  });
}

export function getConversation(state: ElevenLabsState, id: string): Reply {
  const found = state.conversations.get(id);
  if (found === undefined) return refuse(notFound('conversation', id), state.errorFormat);
  return { status: 200, body: found.detail.toString('latin1'), bytes: found.detail };
}

/** `DELETE /v1/convai/conversations/{id}`: for good, and once. */
export function deleteConversation(state: ElevenLabsState, id: string): Reply {
  return state.conversations.delete(id) ? ok({}) : refuse(notFound('conversation', id), state.errorFormat);
}

export function getRecording(state: ElevenLabsState, id: string): Reply {
  const found = state.conversations.get(id);
  const has = found !== undefined && asObject(JSON.parse(found.detail.toString()))['has_audio'] === true;
  if (!has) return refuse(notFound('conversation', id), state.errorFormat);
  const { audio } = found;
  const length = typeof audio === 'number' ? audio : audio.length;
  const headers = { 'content-type': 'audio/mpeg', 'content-length': String(length) };
  return { status: 200, headers, body: '', pieces: () => (typeof audio === 'number' ? madeUp(id, audio) : [audio]) };
}

/** Bytes that begin like an MP3, the same each time for the same id, and never all in memory. */
export function* madeUp(id: string, length: number): Generator<Uint8Array> {
  const piece = Buffer.alloc(PIECE_BYTES, createHash('sha256').update(id).digest());
  for (let at = 0; at < length; at += PIECE_BYTES) {
    const bytes = Buffer.from(piece.subarray(0, Math.min(PIECE_BYTES, length - at)));
    if (at === 0) bytes.write('ID3\u0004');
    yield bytes;
  }
}
