import { idSchema } from '../ids.ts';
import type { Lifted } from '../json/lift.ts';
import { type CallDetails, detailsOfFailure, detailsOfTranscript } from './callDetails.ts';
import { type EventArea, eventTypes } from './events.ts';
import { isPreCallEvent, isPreCallForm, PRE_CALL_TYPE } from './preCallDelivery.ts';
import { unixSeconds } from './unixSeconds.ts';

/** Why a genuine body cannot be taken as an event. Also the `code` of the answer and the folder in quarantine. */
export type QuarantineReason =
  | 'not_json'
  | 'not_an_event'
  | 'ambiguous'
  | 'unknown_type'
  | 'unusable_ids'
  | 'no_audio'
  | 'broken_audio'
  | 'unexpected_audio';

/** What is known of an event; the parts that are not usable are absent. */
export interface EventFacts {
  readonly type?: string;
  /** The type was missing and was told from the shape of the data. */
  readonly isInferred: boolean;
  /** The app does not know the type: it may be anything that a type may be. */
  readonly isUnknownType?: true;
  readonly timestampSeconds?: number;
  readonly agentId?: string;
  readonly conversationId?: string;
  readonly details?: CallDetails;
}

export interface CallFacts extends EventFacts {
  readonly type: string;
  readonly agentId: string;
  readonly conversationId: string;
}

/**
 * - `call`: the event of a call. `audio` is the text of `full_audio` that the JSON holds.
 * - `other`: a known event of another product. `unknown`: of a type that the app does not know, but which can name a folder.
 * - `check`: somebody asks whether the webhook works.
 * - `pre-call`: a delivery for the other endpoint, which may hold a voice sample.
 */
export type Verdict =
  | {
      readonly kind: 'call';
      readonly area: Exclude<EventArea, 'otherEvents'>;
      readonly form: 'json' | 'otel.json';
      readonly facts: CallFacts;
      readonly audio: string;
    }
  | { readonly kind: 'other' | 'unknown'; readonly facts: EventFacts & { readonly type: string } }
  | { readonly kind: 'check' | 'pre-call'; readonly facts: EventFacts }
  | { readonly kind: 'unusable'; readonly reason: QuarantineReason; readonly facts: EventFacts };

type Members = Readonly<Record<string, unknown>>;

/** The type by which our own tools and other senders ask whether a webhook works. */
const CHECK_TYPE = 'webhook_check';

const KNOWN_TYPES: ReadonlySet<string> = new Set([...eventTypes.map(({ type }) => type), CHECK_TYPE, PRE_CALL_TYPE]);

/** Says what a body is, from what was read of it. Takes any bytes; never throws. */
export function classify({ json, envelope }: Pick<Lifted, 'json' | 'envelope'>): Verdict {
  const { value } = json;
  if (!json.isJson && isPreCallForm(envelope)) return { kind: 'pre-call', facts: { isInferred: false } };
  if (!isObject(value)) return unusable(json.isJson ? 'not_an_event' : 'not_json', { isInferred: false });
  const data = dataOf(value);
  // Also of damaged JSON, such as one in Latin-1: it may hold a voice sample all the same.
  if (isPreCallEvent(value) && (json.isJson || beginsAsObject(envelope)))
    return { kind: 'pre-call', facts: factsOf(value, data) };
  if (!json.isJson) return unusable('not_json', factsOf(value, data));
  if (json.isAmbiguous || hasTwoAudios(value)) return unusable('ambiguous', factsOf(value, data));
  if (value['type'] === CHECK_TYPE) return { kind: 'check', facts: factsOf(value, data) };
  return verdictOf(value, data);
}

/** With or without a byte order mark. */
function beginsAsObject(body: Buffer): boolean {
  return /^(\u00ef\u00bb\u00bf)?\s*\{/.test(body.toString('latin1', 0, 64));
}

function verdictOf(envelope: Members, data: Members): Verdict {
  const isInferred = envelope['type'] === undefined || envelope['type'] === null;
  const eventType = eventTypes.find((candidate) =>
    isInferred ? candidate.knownBy?.some((member) => Object.hasOwn(data, member)) : candidate.type === envelope['type'],
  );
  if (eventType === undefined) {
    const facts = factsOf(envelope, data);
    const { type } = facts;
    return type !== undefined && canNameFolder(type)
      ? { kind: 'unknown', facts: { ...facts, type } }
      : unusable('unknown_type', facts);
  }
  const { type, area, extension: form = 'json' } = eventType;
  const facts = { ...factsOf(envelope, data), type, isInferred };
  const parsed = eventType.data.safeParse(data);
  if (!parsed.success) {
    const isAboutAudio = parsed.error.issues.every((issue) => issue.path[0] === 'full_audio');
    return unusable(isAboutAudio ? 'no_audio' : 'unusable_ids', facts);
  }
  if (area === 'otherEvents') return { kind: 'other', facts };
  const { agent_id: agentId = '', conversation_id: conversationId = '', full_audio: audio = '' } = parsed.data;
  const details = detailsOf(area, data);
  return { kind: 'call', area, form, facts: { ...facts, agentId, conversationId, details }, audio };
}

function detailsOf(area: EventArea, data: Members): CallDetails {
  if (area === 'transcripts') return detailsOfTranscript(data);
  return area === 'callFailures' ? detailsOfFailure(data) : {};
}

/** Older payloads have the fields beside `type` instead of under `data`, which may exist and be empty (docs/facts/elevenlabs.md#the-envelope). */
function dataOf(envelope: Members): Members {
  const data = envelope['data'];
  return isObject(data) && Object.keys(data).length > 0 ? data : envelope;
}

/** Only one of them is the recording, and which one was lifted out is not a reason. */
function hasTwoAudios(envelope: Members): boolean {
  const data = envelope['data'];
  return Object.hasOwn(envelope, 'full_audio') && isObject(data) && Object.hasOwn(data, 'full_audio');
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unusable(reason: QuarantineReason, facts: EventFacts): Verdict {
  return { kind: 'unusable', reason, facts };
}

function factsOf(envelope: Members, data: Members): EventFacts {
  const timestampSeconds = unixSeconds(envelope['event_timestamp']);
  const type = safeType(envelope['type']);
  const agentId = idSchema.safeParse(data['agent_id']).data;
  const conversationId = idSchema.safeParse(data['conversation_id']).data;
  return {
    isInferred: false,
    ...(type === undefined ? {} : { type }),
    ...(type === undefined || KNOWN_TYPES.has(type) ? {} : { isUnknownType: true }),
    ...(timestampSeconds === undefined ? {} : { timestampSeconds }),
    ...(agentId === undefined ? {} : { agentId }),
    ...(conversationId === undefined ? {} : { conversationId }),
  };
}

function safeType(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9_.-]{1,64}$/.test(value) ? value : undefined;
}

/** No dots: `.` and `..` would lead to another folder. */
function canNameFolder(type: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(type);
}
