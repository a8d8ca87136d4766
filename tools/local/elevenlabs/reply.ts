import { newId } from './state.ts';

/** An answer before it is written. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text goes out as it is, everything else as JSON. */
  readonly body: unknown;
  /** Instead of the body: bytes as they are, or as they are made. */
  readonly bytes?: Uint8Array;
  readonly pieces?: () => Iterable<Uint8Array>;
}

export interface ApiProblem {
  readonly status: number;
  readonly type: string;
  readonly code: string;
  readonly message: string;
  /** The word that the older format uses when it is another one. */
  readonly legacyStatus?: string;
}

export function ok(body: unknown): Reply {
  return { status: 200, body };
}

/** A refusal in the current format, or in the older `{detail: {status, message}}` (docs/facts/elevenlabs.md#errors-of-the-api). */
export function refuse(problem: ApiProblem, format: 'current' | 'legacy' = 'current'): Reply {
  const { status, type, code, message, legacyStatus = code } = problem;
  const requestId = `req_${newId(12)}`;
  const detail =
    format === 'legacy'
      ? { status: legacyStatus, message }
      : // Of full slots the current format has only the text (docs/facts/elevenlabs.md#errors-of-the-api).
        { type, code, message, status: code === 'bad_request' ? code : legacyStatus, request_id: requestId };
  return { status, headers: { 'request-id': requestId }, body: { detail } };
}

/** The framework's own refusal of a malformed request: an array (docs/facts/elevenlabs.md#errors-of-the-api). */
export function malformed(loc: readonly (string | number)[], msg: string, type = 'value_error'): Reply {
  return { status: 422, body: { detail: [{ loc, msg, type }] } };
}

export const SLOTS_FULL = (used: number, limit: number): ApiProblem => ({
  status: 400,
  type: 'invalid_request',
  code: 'bad_request',
  legacyStatus: 'voice_limit_reached',
  message:
    `You have reached your maximum amount of custom voices (${used} / ${limit}). ` +
    'You can upgrade your subscription to increase your custom voice limit.',
});

export const NO_PLAN: ApiProblem = {
  status: 402,
  type: 'payment_required',
  code: 'paid_plan_required',
  legacyStatus: 'can_not_use_instant_voice_cloning',
  message: 'Your subscription has no access to use instant voice cloning.',
};

export const BAD_KEY: ApiProblem = {
  status: 401,
  type: 'authentication_error',
  code: 'invalid_api_key',
  message: 'Invalid API key',
};

export const NO_PERMISSION: ApiProblem = {
  status: 403,
  type: 'authorization_error',
  code: 'insufficient_permissions',
  legacyStatus: 'missing_permissions',
  message: 'The API key you used is missing the permission voices_write to execute this operation.',
};

/** What the global host says to a key of a residency host. */
export const RESIDENCY_KEY: ApiProblem = {
  ...BAD_KEY,
  message: 'Invalid API key: The API key used is for a data residency stack, however this server is a global server.',
};

/** A permission that the key lacks, as restricted keys are answered. */
export const MISSING_PERMISSION = (permission: string): ApiProblem => ({
  status: 401,
  type: 'authentication_error',
  code: 'missing_permissions',
  message: `The API key you used is missing the permission ${permission} to execute this operation.`,
});

export const TOO_MANY: ApiProblem = {
  status: 429,
  type: 'rate_limit_error',
  code: 'rate_limit_exceeded',
  legacyStatus: 'too_many_concurrent_requests',
  message: 'Too many requests. Please upgrade your subscription or try again later.',
};

export const notFound = (what: 'voice' | 'agent' | 'conversation' | 'tool', id: string): ApiProblem => ({
  status: 404,
  type: 'not_found',
  code: `${what}_not_found`,
  message: `A ${what} with the id ${id} was not found.`,
});
