import { WebhookError } from '../errors.ts';
import type { QuarantineReason } from './classify.ts';

const REFUSALS: Record<QuarantineReason, [message: string, hint: string]> = {
  not_json: [
    'The body is not valid JSON.',
    'A proxy that compresses or re-encodes the body, or a sender that is not ElevenLabs.',
  ],
  not_an_event: ['The body is not an event.', 'The body is JSON, but not an object with a type and data.'],
  ambiguous: [
    'The event has a member twice.',
    'A member that the app reads appears twice, or full_audio is both in data and beside it: which one counts would be a guess.',
  ],
  unknown_type: [
    'The event type is not known.',
    'Switch this event off at ElevenLabs: after ten failures in a row it may disable the webhook. UNKNOWN_EVENT_TYPES=keep ' +
      'stores such events instead.',
  ],
  unusable_ids: [
    'The event has no usable agent_id and conversation_id.',
    'The ids are missing or hold characters outside A-Z a-z 0-9 _ -, so they cannot name a blob.',
  ],
  no_audio: ['The audio event has no audio.', 'full_audio is missing or empty.'],
  broken_audio: [
    'The audio is not valid base64.',
    'What could be decoded, the JSON around it and the rest as received are in quarantine.',
  ],
  unexpected_audio: [
    'The event has audio in an unexpected place.',
    'A long full_audio in an event that is not post_call_audio, or more than one of them in one event.',
  ],
};

/** The answer to a genuine body that cannot be taken as an event; it is in quarantine by then. */
export function refusal(reason: QuarantineReason): WebhookError {
  const [message, hint] = REFUSALS[reason];
  return new WebhookError(reason, 400, message, { hint: `The body is kept in quarantine. ${hint}` });
}

/** The answer to a genuine delivery for the pre-call endpoint: it is kept nowhere, because it may hold a voice sample. */
export function wrongEndpoint(): WebhookError {
  return new WebhookError('wrong_endpoint', 400, 'This is a delivery for the pre-call endpoint.', {
    hint: 'The sender posts pre-call deliveries to /elevenlabs/webhook; they belong to /elevenlabs/precall/webhook. Nothing was kept.',
  });
}
