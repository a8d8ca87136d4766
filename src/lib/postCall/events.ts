import * as z from 'zod/mini';
import { idSchema } from '../ids.ts';

/** Where the body of an event is kept. */
export type EventArea = 'transcripts' | 'audio' | 'callFailures' | 'otherEvents';

interface EventType {
  readonly type: string;
  readonly area: EventArea;
  /** Members of `data` by which an event without a `type` is known (E§1.1). */
  readonly knownBy?: readonly string[];
  /** What the app uses of `data`; everything else may be there, be absent, or change. */
  readonly data: z.ZodMiniType<{
    agent_id?: string | undefined;
    conversation_id?: string | undefined;
    full_audio?: string | undefined;
  }>;
}

const call = z.object({ agent_id: idSchema, conversation_id: idSchema });

/**
 * Every event type that the app knows, in the order in which one without a `type` is recognised. To add one: an entry here,
 * an example under `examples/`, a test. Sources: E§1 (calls), E§4 (other products).
 */
export const eventTypes: readonly EventType[] = [
  { type: 'post_call_audio', area: 'audio', knownBy: ['full_audio'], data: z.extend(call, { full_audio: z.string() }) },
  { type: 'call_initiation_failure', area: 'callFailures', knownBy: ['failure_reason'], data: call },
  {
    type: 'post_call_transcription',
    area: 'transcripts',
    knownBy: ['transcript', 'analysis', 'otlp_traces'],
    data: call,
  },
  { type: 'voice_removal_notice', area: 'otherEvents', data: z.object({}) },
  { type: 'voice_removal_notice_withdrawn', area: 'otherEvents', data: z.object({}) },
  { type: 'voice_removed', area: 'otherEvents', data: z.object({}) },
  { type: 'speech_to_text_transcription', area: 'otherEvents', data: z.object({}) },
  { type: 'flows_generation', area: 'otherEvents', data: z.object({}) },
  { type: 'flows_template_run', area: 'otherEvents', data: z.object({}) },
];
