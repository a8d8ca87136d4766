import type { HttpResponseInit } from '@azure/functions';
import { BodyError, NotConfigured, RequestError, SignatureError, StorageUnavailable, WebhookError } from '../errors.ts';
import { CloningError, ConversationConflict, PayloadError } from './errors.ts';
import type { Prepared } from './prepare.ts';
import { cleanName, greeting } from './request/greeting.ts';
import type { PreCallRequest } from './request/request.ts';
import { SampleError } from './sample/sample.ts';
import { SMALLER_BODY } from './usualCauses.ts';

const RETRY_AFTER_SECONDS = 10;
const BODY_TOO_LARGE = `The body is over the limit of pre-call: 15 MiB, or less where the host takes less. ${SMALLER_BODY}`;

export interface SuccessFacts {
  readonly request: PreCallRequest;
  readonly prepared: Prepared;
  readonly greetingTemplate: string;
  readonly mode: 'patch' | 'override';
  readonly ms: number;
}

/**
 * The answer to the switch; in override mode with what is to be handed to ElevenLabs when the call is started
 * (https://elevenlabs.io/docs/eleven-agents/customization/personalization). `caller_info` gives the switch its own words back.
 */
export function success({ request, prepared, greetingTemplate, mode, ms }: SuccessFacts): HttpResponseInit {
  const { caller } = request;
  const name = caller.name;
  const firstMessage = greeting(greetingTemplate, caller);
  return {
    status: 200,
    jsonBody: {
      status: 'success',
      conversation_id: request.conversationId,
      voice_id: prepared.voiceId,
      ...(prepared.voiceName === undefined ? {} : { voice_name: prepared.voiceName }),
      agent_updated: prepared.isAgentUpdated,
      caller_info: {
        ...(name === undefined ? {} : { Name: name }),
        ...(caller.dateOfBirth === undefined ? {} : { DateOfBirth: caller.dateOfBirth }),
      },
      processing_time_ms: ms,
      voice_reused: prepared.isReused,
      ...(mode === 'patch'
        ? {}
        : {
            conversation_initiation_client_data: {
              type: 'conversation_initiation_client_data',
              dynamic_variables: { caller_name: cleanName(name) },
              conversation_config_override: {
                // An override must not be empty (…/personalization/overrides).
                ...(firstMessage === '' ? {} : { agent: { first_message: firstMessage } }),
                tts: { voice_id: prepared.voiceId },
              },
            },
          }),
    },
  };
}

/** Any failure in pre-call's own format. `conversationId` only of a request that is genuine. */
export function failure(error: unknown, conversationId: string | undefined): HttpResponseInit {
  const { status, code, message } =
    error instanceof WebhookError
      ? error
      : { status: 500, code: 'internal_error', message: 'Something went wrong on our side' };
  const asked = error instanceof CloningError ? error.retryAfterSeconds : undefined;
  return {
    status,
    headers: status === 503 ? { 'retry-after': String(Math.ceil(asked ?? RETRY_AFTER_SECONDS)) } : {},
    jsonBody: {
      status: 'error',
      error_code: errorCode(error, code),
      error_message: code === 'body_too_large' ? BODY_TOO_LARGE : message,
      ...(conversationId === undefined ? {} : { conversation_id: conversationId }),
      reason: code,
    },
  };
}

function errorCode(error: unknown, code: string): string {
  if (error instanceof SignatureError) return error.status === 401 ? 'INVALID_SIGNATURE' : 'EXPIRED_TIMESTAMP';
  if (error instanceof SampleError || error instanceof CloningError) return 'VOICE_CLONING_FAILED';
  if (error instanceof PayloadError) return 'INVALID_PAYLOAD';
  if (error instanceof ConversationConflict) return 'CONVERSATION_CONFLICT';
  if (error instanceof NotConfigured) return 'NOT_CONFIGURED';
  if (error instanceof StorageUnavailable) return 'STORAGE_UNAVAILABLE';
  if (error instanceof RequestError) return 'INVALID_REQUEST';
  if (code === 'overloaded') return 'OVERLOADED';
  if (code === 'invocation_missing') return 'UNAVAILABLE';
  if (error instanceof BodyError) {
    if (code === 'body_too_large' || code === 'json_too_large') return 'PAYLOAD_TOO_LARGE';
    return code === 'unsupported_media_type' ? 'UNSUPPORTED_MEDIA_TYPE' : 'INVALID_PAYLOAD';
  }
  return 'INTERNAL_ERROR';
}
