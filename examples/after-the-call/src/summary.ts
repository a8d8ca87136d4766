import type { StoredCall } from './storedCall.ts';

/** What is handed on. Null where the transcript does not say it. */
export interface Summary {
  readonly conversation_id: string;
  readonly agent_id: string;
  /** In a few sentences, by ElevenLabs. */
  readonly summary: string | null;
  /** `success`, `failure` or `unknown`, by the agent's own criteria. */
  readonly outcome: string | null;
  /** ISO 8601. */
  readonly started_at: string | null;
  readonly duration_seconds: number | null;
}

type Members = Readonly<Record<string, unknown>>;

/**
 * Reads leniently: ElevenLabs may leave out any member, and `analysis` is null when a call was not analysed.
 * https://elevenlabs.io/docs/eleven-agents/workflows/post-call-webhooks
 */
export function summaryOf(transcript: unknown, { conversationId, agentId }: StoredCall): Summary {
  const event = membersOf(transcript);
  // In an older form the members of `data` are beside `type`.
  const data = 'data' in event ? membersOf(event['data']) : event;
  const analysis = membersOf(data['analysis']);
  const metadata = membersOf(data['metadata']);
  const startedAt = new Date(numberIn(metadata['start_time_unix_secs'], Number.NaN) * 1000);
  return {
    conversation_id: conversationId,
    agent_id: agentId,
    summary: textIn(analysis['transcript_summary']),
    outcome: textIn(analysis['call_successful']),
    started_at: Number.isNaN(startedAt.getTime()) ? null : startedAt.toISOString(),
    duration_seconds: numberIn(metadata['call_duration_secs'], null),
  };
}

function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null ? (value as Members) : {};
}

function textIn(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function numberIn<Other>(value: unknown, other: Other): number | Other {
  return typeof value === 'number' ? value : other;
}
