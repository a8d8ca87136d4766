import type { ErrorDetail } from './errorBody.ts';
import type { Reason } from './errors.ts';

/** Far more than any message has. Some expressions below take time by the square of the text: 15 s for 400 kB of hostile text. */
const LONGEST_TEXT = 1_000;

interface Sign {
  readonly reason: Reason;
  /** Matches one of the answer's codes. */
  readonly code?: RegExp;
  /** Matches the answer's message. */
  readonly text?: RegExp;
}

/**
 * The first sign that fits decides; those that speak of one thing only stand before those that also come along with others.
 * The same refusal comes as a code, as a legacy status or only as text beside `bad_request`, so each is looked for in all of
 * them (docs/facts/elevenlabs.md#errors-of-the-api).
 */
const SIGNS: readonly Sign[] = [
  { reason: 'voice_limit_reached', code: /^(custom_)?voice_limit_(reached|exceeded)$/ },
  {
    reason: 'voice_add_limit_reached',
    code: /^max_voice_limit_reached$|voice_add|add_edit|edit_limit/,
    text: /\badd(s|ed)?\s?(\/|and|or)\s?edit|(monthly|this month|per month).*voice|voice.*(monthly|this month|per month)/i,
  },
  {
    reason: 'voice_limit_reached',
    text: /maximum (amount|number) of (custom )?voices|(custom )?voice (limit|slots?)\b|all (of )?your voice slots/i,
  },
  { reason: 'quota_exceeded', code: /^quota_exceeded$|insufficient_credits|credits?_(exhausted|exceeded)/ },
  {
    reason: 'plan_required',
    code: /paid_plan_required|can_not_use_instant_voice_cloning|^subscription_required$|^feature_not_available$|^payment_required$/,
    text: /subscription (has no access|does not (include|allow))|upgrade your (plan|subscription)/i,
  },
  {
    reason: 'missing_permission',
    code: /^(missing|insufficient)_permissions?$/,
    text: /missing the permission/i,
  },
  {
    reason: 'invalid_api_key',
    code: /^invalid_api_key$|^missing_api_key$|^needs_authorization$/,
    text: /invalid api key/i,
  },
  { reason: 'audio_too_short', code: /too_short$/, text: /(audio|sample|file)s?\b.{0,40}\btoo short/i },
  { reason: 'audio_too_long', code: /too_long$/, text: /(audio|sample|file)s?\b.{0,40}\btoo long/i },
  { reason: 'audio_too_large', code: /^request_too_large$|(file|audio)_too_large$/ },
  { reason: 'invalid_audio', code: /^invalid_(audio|file)|corrupted$/ },
  {
    reason: 'moderation',
    code: /moderat|content_policy|policy_violation|captcha/,
    text: /moderat|safeguard|content policy|prohibited/i,
  },
  { reason: 'not_found', code: /(^|_)not_found$|_does_not_exist$/ },
  { reason: 'conflict', code: /^(conflict|concurrent_modification)$|_already_exists$/ },
  { reason: 'rate_limited', code: /^rate_limit|concurrent_limit_exceeded|too_many_concurrent_requests|^system_busy$/ },
  { reason: 'validation', code: /^(validation_error|invalid_request|bad_request)$/ },
];

const BY_STATUS: Readonly<Record<number, Reason>> = {
  401: 'invalid_api_key',
  402: 'plan_required',
  403: 'missing_permission',
  404: 'not_found',
  408: 'upstream_unavailable',
  409: 'conflict',
  413: 'audio_too_large',
  415: 'invalid_audio',
  422: 'validation',
  429: 'rate_limited',
};

/** The reason behind a response that is not a success. The text of a server error is not trusted. */
export function reasonOf(status: number, detail: ErrorDetail): Reason {
  if (status >= 500) return 'upstream_unavailable';
  if (status === 429) return 'rate_limited'; // its text may advise to upgrade the plan
  if (status < 400) return 'unexpected_answer';
  const said = detail.text.slice(0, LONGEST_TEXT);
  const sign = SIGNS.find(
    ({ code, text }) => detail.codes.some((word) => code?.test(word)) || text?.test(said) === true,
  );
  return sign?.reason ?? BY_STATUS[status] ?? 'unknown';
}

/** Whether the same call may succeed later. */
export function isRetryable(reason: Reason, detail: ErrorDetail): boolean {
  if (reason === 'rate_limited' || reason === 'upstream_unavailable') return true;
  return detail.codes.includes('concurrent_modification'); // each PATCH of an agent makes a version (docs/facts/elevenlabs.md#agents)
}
