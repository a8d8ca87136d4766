import * as z from 'zod/mini';
import { idSchema } from '../ids.ts';
import { membersOf, type Wanted } from '../json/members.ts';

/** Where the body of an event is kept. */
export type EventArea = 'transcripts' | 'audio' | 'callFailures' | 'otherEvents';

interface EventType {
  readonly type: string;
  readonly area: EventArea;
  /** The extension under which it is kept; `json` unless two events of a call share their area. */
  readonly extension?: 'otel.json';
  /** Members of `data` by which an event without a `type` is known (docs/facts/elevenlabs.md#the-envelope). */
  readonly knownBy?: readonly string[];
  /** What the app needs of `data`; everything else may be there, be absent, or change. */
  readonly data: z.ZodMiniType<{
    agent_id?: string | undefined;
    conversation_id?: string | undefined;
    full_audio?: string | undefined;
  }>;
}

const call = z.object({ agent_id: idSchema, conversation_id: idSchema });

/**
 * Every event type that the app knows, in the order in which one without a `type` is recognised. To add one: an entry here,
 * an example under `examples/`, a test. Sources: docs/facts/elevenlabs.md#the-events-of-a-call.
 */
export const eventTypes: readonly EventType[] = [
  { type: 'post_call_audio', area: 'audio', knownBy: ['full_audio'], data: z.extend(call, { full_audio: z.string() }) },
  { type: 'call_initiation_failure', area: 'callFailures', knownBy: ['failure_reason'], data: call },
  {
    type: 'post_call_transcription_otel',
    area: 'transcripts',
    extension: 'otel.json',
    knownBy: ['otlp_traces'],
    data: call,
  },
  { type: 'post_call_transcription', area: 'transcripts', knownBy: ['transcript', 'analysis'], data: call },
  { type: 'voice_removal_notice', area: 'otherEvents', data: z.object({}) },
  { type: 'voice_removal_notice_withdrawn', area: 'otherEvents', data: z.object({}) },
  { type: 'voice_removed', area: 'otherEvents', data: z.object({}) },
  { type: 'speech_to_text_transcription', area: 'otherEvents', data: z.object({}) },
  { type: 'flows_generation', area: 'otherEvents', data: z.object({}) },
  { type: 'flows_template_run', area: 'otherEvents', data: z.object({}) },
];

/** What of `data` is read: to place the event, to know it without a `type`, and to describe the call. */
const data: Wanted = {
  agent_id: 'value',
  conversation_id: 'value',
  full_audio: 'audio',
  transcript: 'value',
  otlp_traces: 'value',
  analysis: { call_successful: 'value' },
  failure_reason: 'value',
  has_audio: 'value',
  metadata: {
    start_time_unix_secs: 'value',
    call_duration_secs: 'value',
    phone_call: { direction: 'value', external_number: 'value' },
    type: 'value',
    body: { to_number: 'value', sip_status_code: 'value', To: 'value', SipResponseCode: 'value' },
  },
  conversation_initiation_client_data: { dynamic_variables: { caller_known: 'value' } },
};

/** What of a body is read. In older events the members of `data` stand beside `type`. */
export const eventMembers = membersOf({
  ...data,
  type: 'value',
  event_timestamp: 'value',
  voice_sample: 'value',
  data,
});
