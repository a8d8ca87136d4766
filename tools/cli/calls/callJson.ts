import type { Call } from '../../../src/lib/calls/call.ts';

/** A call as scripts get it. */
export function callJson(call: Call) {
  const { details, startedAt, has } = call;
  const seconds = details['call_duration_seconds'];
  return {
    conversation_id: call.conversationId,
    agent_id: call.agentId,
    started_at: startedAt?.toISOString() ?? null,
    duration_seconds: seconds === undefined ? null : Number(seconds),
    direction: details['call_direction'] ?? null,
    external_number: details['call_external_number'] ?? null,
    successful: details['call_successful'] ?? null,
    failure_reason: details['call_failure_reason'] ?? null,
    has,
    missing: call.missing,
    stored_at: call.storedAt.toISOString(),
    blobs: call.blobs.map(({ container, name, form, bytes }) => ({ blob: `${container}/${name}`, form, bytes })),
  };
}
