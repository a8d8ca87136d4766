import * as z from 'zod/mini';
import { unixSeconds } from './unixSeconds.ts';

/**
 * What finds a call without reading its body, by the names that it has in the blob's metadata. Values are numbers and words of
 * closed sets, never a text that somebody has written; what an event has in another place or form is left out.
 */
export type CallDetails = Readonly<Record<`call_${string}`, string>>;

const LONGEST_CALL_SECONDS = 7 * 24 * 3600;

const INITIATIONS = new Map([
  ['yes', 'known'],
  ['no', 'unknown'],
  ['unknown', 'default'],
]);

const FAILURE_REASONS = ['busy', 'no-answer', 'unknown'];

/** Undefined instead of anything else: all of it is optional, and none of it costs a delivery. */
const maybe = <T extends z.ZodMiniType>(schema: T) => z.catch(z.optional(schema), undefined);

const phoneNumber = maybe(z.string().check(z.regex(/^\+[0-9]{4,20}$/)));

/** Shapes: the SDK's `GetConversationResponseModel` (docs/facts/elevenlabs.md#the-events-of-a-call). */
const transcript = z.object({
  has_audio: maybe(z.boolean()),
  analysis: maybe(z.object({ call_successful: maybe(z.enum(['success', 'failure', 'unknown'])) })),
  metadata: maybe(
    z.object({
      start_time_unix_secs: maybe(z.int().check(z.refine((seconds) => unixSeconds(seconds) !== undefined))),
      call_duration_secs: maybe(z.int().check(z.gte(0), z.lte(LONGEST_CALL_SECONDS))),
      phone_call: maybe(z.object({ direction: maybe(z.enum(['inbound', 'outbound'])), external_number: phoneNumber })),
    }),
  ),
  conversation_initiation_client_data: maybe(
    z.object({ dynamic_variables: maybe(z.object({ caller_known: maybe(z.string()) })) }),
  ),
});

/** The details of a transcription, from the members of its `data` that the app reads. */
export function detailsOfTranscript(data: unknown): CallDetails {
  const parsed = transcript.safeParse(data).data;
  const { start_time_unix_secs: started, call_duration_secs, phone_call } = parsed?.metadata ?? {};
  const callerKnown = parsed?.conversation_initiation_client_data?.dynamic_variables?.caller_known;
  return withoutUndefined({
    call_started_at: started === undefined ? undefined : new Date(started * 1000).toISOString(),
    call_duration_seconds: call_duration_secs,
    call_direction: phone_call?.direction,
    call_successful: parsed?.analysis?.call_successful,
    call_external_number: phone_call?.external_number,
    call_has_audio: parsed?.has_audio,
    call_initiation: INITIATIONS.get(callerKnown ?? ''),
  });
}

const sip = z.object({
  type: z.literal('sip'),
  body: maybe(z.object({ to_number: phoneNumber, sip_status_code: maybe(z.int().check(z.gte(100), z.lte(699))) })),
});
/** Twilio's parameters are all text: https://www.twilio.com/docs/voice/api/call-resource#statuscallback */
const twilio = z.object({
  type: z.literal('twilio'),
  body: maybe(z.object({ To: phoneNumber, SipResponseCode: maybe(z.string().check(z.regex(/^[1-6][0-9]{2}$/))) })),
});
const failure = z.object({
  failure_reason: maybe(z.string()),
  metadata: maybe(z.discriminatedUnion('type', [sip, twilio])),
});

/** The details of a call that could not be made. Its number is the one that was called. */
export function detailsOfFailure(data: unknown): CallDetails {
  const { failure_reason: reason, metadata } = failure.safeParse(data).data ?? {};
  const isSip = metadata?.type === 'sip';
  return withoutUndefined({
    call_failure_reason: reason === undefined || FAILURE_REASONS.includes(reason) ? reason : 'other',
    call_provider: metadata?.type,
    call_sip_status: isSip ? metadata.body?.sip_status_code : metadata?.body?.SipResponseCode,
    call_external_number: isSip ? metadata.body?.to_number : metadata?.body?.To,
  });
}

function withoutUndefined(
  details: Readonly<Record<`call_${string}`, string | number | boolean | undefined>>,
): CallDetails {
  const present = Object.entries(details).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present.map(([name, value]) => [name, String(value)]));
}
