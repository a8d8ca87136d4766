import { readFileSync } from 'node:fs';
import { metadataOfCall, type StoredCalls, storedCalls } from '../support/storedCalls.ts';

const read = (name: string) => readFileSync(new URL(`../../examples/${name}`, import.meta.url));

export const AGENT = 'agent_6801bluebirdcyclesdesk0x4f';
export const CALL = 'conv_4801bluebirdexample0001';

/** The example's four seconds again and again: as long as its transcript says. */
export const recording = Buffer.concat(Array.from({ length: 9 }, () => read('call.mp3')));

/** The examples as stored calls: one that can be heard, one that failed, one without its recording, one without its transcript. */
export async function exampleCalls(): Promise<StoredCalls> {
  const stored = storedCalls();
  const event = JSON.parse(read('post_call_transcription.json').toString());
  const metadata = (conversation: string, more: Record<string, string> = {}) => ({
    ...metadataOfCall(conversation, { agent_id: AGENT, call_external_number: '+12025550187', ...more }),
    event_timestamp: String(event.event_timestamp),
    received_at: '2026-11-22T09:30:42.000Z',
    delivery_id: '00000000-0000-4000-8000-000000000001',
    signature_timestamp: String(event.event_timestamp),
    secret_position: '1',
  });
  const times = { call_started_at: '2026-11-22T09:30:00.000Z', call_duration_seconds: '36' };
  await stored.put('transcripts', `${AGENT}/${CALL}.json`, event, metadata(CALL, times));
  await stored.put('audio', `${AGENT}/${CALL}.mp3`, recording, metadata(CALL));
  const later = { call_started_at: '2026-11-23T14:05:00.000Z', call_successful: 'failure', call_direction: 'outbound' };
  const unheard = { ...event, data: { ...event.data, conversation_id: 'conv_unheard' } };
  const number = { call_external_number: '+31612345678' };
  await stored.put(
    'transcripts',
    `${AGENT}/conv_unheard.json`,
    unheard,
    metadata('conv_unheard', { ...later, ...number }),
  );
  await stored.put('audio', `${AGENT}/conv_untold.mp3`, recording, {
    event_timestamp: String(Date.parse('2026-11-23T08:00:00.000Z') / 1000),
  });
  const failure = JSON.parse(read('call_initiation_failure_sip.json').toString());
  await stored.put('callFailures', `${AGENT}/conv_failed.json`, failure, {
    source: 'webhook',
    event_type: 'call_initiation_failure',
    event_timestamp: String(failure.event_timestamp),
    call_failure_reason: 'busy',
    call_external_number: '+12025550187',
  });
  return stored;
}
