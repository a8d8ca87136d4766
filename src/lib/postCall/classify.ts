import { idSchema } from '../ids.ts';
import { parseOutline } from '../json/outline.ts';
import { type EventArea, eventTypes } from './events.ts';

/** Why a genuine body cannot be taken as an event. Also the `code` of the answer and the folder in quarantine. */
export type QuarantineReason =
  | 'not_json'
  | 'not_an_event'
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
  readonly timestampSeconds?: number;
  readonly agentId?: string;
  readonly conversationId?: string;
}

export type Verdict =
  | {
      readonly kind: 'call';
      readonly area: Exclude<EventArea, 'otherEvents'>;
      readonly facts: CallFacts;
      readonly audio: string;
    }
  | { readonly kind: 'other'; readonly facts: EventFacts & { readonly type: string } }
  | { readonly kind: 'unusable'; readonly reason: QuarantineReason; readonly facts: EventFacts };

export interface CallFacts extends EventFacts {
  readonly type: string;
  readonly agentId: string;
  readonly conversationId: string;
}

const NO_FACTS: EventFacts = { isInferred: false };

/** Says what a whole JSON text is. Takes any bytes; never throws. */
export function classify(json: Buffer): Verdict {
  const envelope = parseOutline(json);
  if (envelope === undefined) return { kind: 'unusable', reason: 'not_json', facts: NO_FACTS };
  if (!isObject(envelope)) return { kind: 'unusable', reason: 'not_an_event', facts: NO_FACTS };

  // Older payloads have the fields beside `type` instead of under `data` (E§1.1).
  const data = isObject(envelope['data']) ? envelope['data'] : envelope;
  const isInferred = envelope['type'] === undefined || envelope['type'] === null;
  const eventType = eventTypes.find((candidate) =>
    isInferred ? candidate.knownBy?.some((member) => Object.hasOwn(data, member)) : candidate.type === envelope['type'],
  );
  const facts = factsOf(envelope, data, eventType?.type, isInferred);
  if (eventType === undefined) return { kind: 'unusable', reason: 'unknown_type', facts };

  const parsed = eventType.data.safeParse(data);
  const { type, area } = eventType;
  if (!parsed.success) {
    const isAboutAudio = parsed.error.issues.every((issue) => issue.path[0] === 'full_audio');
    return { kind: 'unusable', reason: isAboutAudio ? 'no_audio' : 'unusable_ids', facts };
  }
  if (area === 'otherEvents') return { kind: 'other', facts: { ...facts, type } };
  const { agent_id: agentId = '', conversation_id: conversationId = '', full_audio: audio = '' } = parsed.data;
  return { kind: 'call', area, facts: { ...facts, type, agentId, conversationId }, audio };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function factsOf(
  envelope: Record<string, unknown>,
  data: Record<string, unknown>,
  knownType: string | undefined,
  isInferred: boolean,
): EventFacts {
  const timestampSeconds = unixSeconds(envelope['event_timestamp']);
  const type = knownType ?? safeType(envelope['type']);
  const agentId = safeId(data['agent_id']);
  const conversationId = safeId(data['conversation_id']);
  return {
    isInferred: isInferred && knownType !== undefined,
    ...(type === undefined ? {} : { type }),
    ...(timestampSeconds === undefined ? {} : { timestampSeconds }),
    ...(agentId === undefined ? {} : { agentId }),
    ...(conversationId === undefined ? {} : { conversationId }),
  };
}

const FIRST_SECOND = Date.UTC(2000, 0) / 1000;
const LAST_SECOND = Date.UTC(2100, 0) / 1000;

/** Unix seconds from a number, a numeric text, or ISO 8601 text (E§1.1); undefined when unreadable. */
export function unixSeconds(value: unknown): number | undefined {
  let seconds = Number.NaN;
  if (typeof value === 'number') seconds = Math.floor(value);
  else if (typeof value === 'string' && /^\d{1,12}$/.test(value)) seconds = Number(value);
  else if (typeof value === 'string' && /^\d{4}-\d{2}-\d{2}/.test(value)) seconds = Math.floor(isoMs(value) / 1000);
  return seconds >= FIRST_SECOND && seconds < LAST_SECOND ? seconds : undefined;
}

/** A time of day without a zone is UTC here, not the machine's own. */
function isoMs(text: string): number {
  const hasZone = !text.includes(':') || /(Z|[+-]\d{2}:?\d{2})$/i.test(text);
  return Date.parse(hasZone ? text : `${text}Z`);
}

function safeId(value: unknown): string | undefined {
  return idSchema.safeParse(value).data;
}

function safeType(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9_.-]{1,64}$/.test(value) ? value : undefined;
}
