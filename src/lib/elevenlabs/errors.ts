/**
 * Why a call failed, in words that stay the same whichever of its error formats ElevenLabs used. They may go to the caller
 * and into logs.
 */
export type Reason =
  | 'voice_limit_reached'
  | 'voice_add_limit_reached'
  | 'plan_required'
  | 'invalid_api_key'
  | 'missing_permission'
  | 'quota_exceeded'
  | 'invalid_audio'
  | 'audio_too_short'
  | 'audio_too_long'
  | 'audio_too_large'
  | 'moderation'
  | 'validation'
  | 'not_found'
  | 'conflict'
  | 'rate_limited'
  | 'upstream_unavailable'
  | 'unexpected_answer'
  | 'unknown';

export interface Failure {
  readonly reason: Reason;
  /** `PATCH /v1/convai/agents/agent_1`, for the message. */
  readonly operation: string;
  /** ElevenLabs' HTTP status; undefined when no answer came. */
  readonly status?: number | undefined;
  /** ElevenLabs' own code for the error (`detail.code`, else the legacy `detail.status`, else `detail.type`). */
  readonly code?: string | undefined;
  /** Which part of the request ElevenLabs objects to. */
  readonly param?: string | undefined;
  readonly requestId?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly retryable: boolean;
  /** What happened, when there is no status that says it. */
  readonly what?: string | undefined;
  readonly cause?: unknown;
}

/**
 * A call to ElevenLabs that failed. Neither the message nor any member holds the API key, or ElevenLabs' own text: that may
 * repeat what was sent, such as a caller's name.
 */
export class ElevenLabsError extends Error implements Failure {
  readonly reason: Reason;
  readonly operation: string;
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly param: string | undefined;
  /** Support can find the call by it. */
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** Whether the same call may succeed later; the client has used up its own tries by then. */
  readonly retryable: boolean;
  readonly what: string | undefined;

  constructor(failure: Failure) {
    const answer = failure.what ?? `answered ${failure.status}`;
    const code = failure.code === undefined ? '' : ` ${failure.code}`;
    const part = failure.param === undefined ? '' : ` at ${failure.param}`;
    super(`ElevenLabs ${answer}${code}${part} to ${failure.operation} (${failure.reason})`, { cause: failure.cause });
    this.name = new.target.name;
    this.reason = failure.reason;
    this.operation = failure.operation;
    this.status = failure.status;
    this.code = failure.code;
    this.param = failure.param;
    this.requestId = failure.requestId;
    this.retryAfterSeconds = failure.retryAfterSeconds;
    this.retryable = failure.retryable;
    this.what = failure.what;
  }
}

/**
 * `refused`: there is certainly no clone. `unknown`: there may be one, since the answer was lost, came too late or was a
 * server error; look for it by its labels before another try
 * (docs/facts/elevenlabs.md#voices).
 */
export type AddVoiceOutcome = 'refused' | 'unknown';

/** A clone that was not made, or of which nobody knows whether it was made. */
export class AddVoiceError extends ElevenLabsError {
  readonly outcome: AddVoiceOutcome;

  constructor(failure: Failure, outcome: AddVoiceOutcome) {
    super(failure);
    this.outcome = outcome;
  }
}

/** An answer that is not read to its end, because nobody expects so much. */
export class AnswerTooLarge extends Error {}

/** What a request without an answer, or with a part of one, is reported as. */
export function lostAnswer(operation: string, signal: AbortSignal, cause: unknown): ElevenLabsError {
  if (cause instanceof AnswerTooLarge) {
    const what = `answered ${cause.message}`;
    return new ElevenLabsError({ reason: 'unexpected_answer', operation, what, retryable: false, cause });
  }
  const what = signal.aborted ? 'did not answer before the deadline' : 'could not be reached, or its answer was lost,';
  return new ElevenLabsError({ reason: 'upstream_unavailable', operation, what, retryable: true, cause });
}
