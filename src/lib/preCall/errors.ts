import { ElevenLabsError } from '../elevenlabs/errors.ts';
import { WebhookError } from '../errors.ts';

/** The request itself is wrong: 400 `INVALID_PAYLOAD`. The message is for the caller and repeats nothing of the request. */
export class PayloadError extends WebhookError {
  /** Of a genuine request that says so much. */
  readonly conversationId: string | undefined;

  constructor(reason: string, message: string, conversationId?: string, hint?: string) {
    super(reason, 400, message, hint === undefined ? {} : { hint });
    this.conversationId = conversationId;
  }
}

/** Another call under the same conversation id is in progress or was answered. */
export class ConversationConflict extends WebhookError {
  constructor() {
    super('conversation_conflict', 409, 'This conversation already exists with another agent or another sample', {
      hint: 'A conversation id is for one call: one agent, one sample. Does the switch use an id for two callers, or change the sample on a retry?',
    });
  }
}

/** ElevenLabs refuses to clone this sample, or cannot be asked right now. */
export class CloningError extends WebhookError {
  readonly retryAfterSeconds: number | undefined;

  constructor(reason: string, status: 422 | 503, message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(reason, status, message, options);
    const { cause } = options;
    this.retryAfterSeconds = cause instanceof ElevenLabsError ? cause.retryAfterSeconds : undefined;
  }
}

const HINTS: Readonly<Record<string, string>> = {
  voice_limit_reached:
    'All voice slots are used. Delete voices, raise the plan, or set VOICE_SLOTS_RESERVE or VOICE_CLONE_AUTO_DELETE.',
  voice_add_limit_reached: "The plan's monthly number of added voices is used up.",
  plan_required: 'The plan does not include instant voice cloning (Starter and higher do).',
  invalid_api_key: 'ELEVENLABS_API_KEY is wrong, or belongs to another residency host than ELEVENLABS_API_BASE_URL.',
  missing_permission:
    'The API key lacks a permission: voices_read, voices_write, create_instant_voice_clone, convai_read, convai_write.',
  quota_exceeded: 'The credits of the account are used up.',
};

/** Any failure of a call to ElevenLabs on the way to a clone, as the caller is to see it. */
export function cloningError(error: unknown): CloningError {
  if (error instanceof CloningError) return error;
  if (error instanceof ElevenLabsError && !error.retryable && error.reason !== 'unexpected_answer') {
    const hint = HINTS[error.reason];
    return new CloningError(error.reason, 422, 'ElevenLabs refused to clone the voice', {
      cause: error,
      hint: `${error.message}.${hint === undefined ? '' : ` ${hint}`}`,
    });
  }
  return new CloningError('upstream_unavailable', 503, 'ElevenLabs could not be reached in time', {
    cause: error,
    hint: error instanceof Error ? error.message : String(error),
  });
}
