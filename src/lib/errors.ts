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
      hint: `Set these app settings right and restart the app: ${settings.join(', ')}.`,
    });
  }
}
