/**
 * An expected failure of a delivery. `code` is stable and goes to the caller; `hint` is for the operator and goes to the
 * log only: which setting, which likely mistake.
 */
export class WebhookError extends Error {
  readonly code: string;
  readonly status: number;
  readonly hint: string | undefined;

  constructor(code: string, status: number, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.status = status;
    this.hint = options.hint;
  }
}

/** What is usually behind a failure and what helps, by its code: that depends on who sends. */
export type UsualCauses = Readonly<Record<string, string>>;

/** The operator's hint: what was found, and what usually causes it at this endpoint. */
export function hintOf({ code, hint }: WebhookError, causes: UsualCauses): string | undefined {
  return [hint, causes[code]].filter(Boolean).join(' ') || undefined;
}

/** The signature or its timestamp is not acceptable. Nothing of the request may be kept. */
export class SignatureError extends WebhookError {}

/** The body is too large, too slow, or ended before it was whole. */
export class BodyError extends WebhookError {}

/** Why a request is refused in front of the functions. */
export type RequestRefusal = 'invocation_id' | 'host' | 'header_bytes' | 'headers_query' | 'headers_member';

const REFUSED_REQUESTS: Readonly<Record<RequestRefusal, string>> = {
  invocation_id:
    'The caller has set x-ms-invocation-id to a value that no host generates, or to the id of another request.',
  host: 'The Host header of the caller is not valid in a URL.',
  header_bytes: 'A header of the caller contains characters that are not ASCII.',
  headers_query: 'The query has a member named headers with invalid header values.',
  headers_member: 'The JSON body has a member named headers with invalid header values.',
};

/** The library could not take the request, so no function has seen it. ElevenLabs sends no such request. */
export class RequestError extends WebhookError {
  readonly reason: RequestRefusal;

  constructor(reason: RequestRefusal) {
    super('invalid_request', 400, 'The request is not valid.', { hint: REFUSED_REQUESTS[reason] });
    this.reason = reason;
  }
}

/** Storage could not be reached, or refused, until the time budget was spent. The caller may try again: 503. */
export class StorageUnavailable extends WebhookError {
  constructor(hint: string, cause?: unknown) {
    super('storage_unavailable', 503, 'The event could not be stored right now.', { hint, cause });
  }
}

/** A setting that this endpoint needs is missing or wrong: 503, never "skip verification". */
export class NotConfigured extends WebhookError {
  constructor(settings: readonly string[]) {
    super('not_configured', 503, 'This endpoint is not configured.', {
      hint: `Correct these app settings and restart the app: ${settings.join(', ')}.`,
    });
  }
}
