import type { HttpResponseInit } from '@azure/functions';
import { WebhookError } from '../errors.ts';

const RETRY_AFTER_SECONDS = 30;

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  408: 'Request Timeout',
  413: 'Content Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/**
 * An error as an RFC 9457 problem document with our stable `code`. Anything that is not a WebhookError is a bug and hides
 * its details.
 */
export function problem(error: unknown): HttpResponseInit {
  const { status, code, message } =
    error instanceof WebhookError
      ? error
      : { status: 500, code: 'internal_error', message: 'Something went wrong on our side.' };
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(status === 503 ? { 'retry-after': String(RETRY_AFTER_SECONDS) } : {}),
    },
    body: JSON.stringify({
      type: `urn:problem-type:elevenlabs-webhook:${code}`,
      title: TITLES[status] ?? 'Error',
      status,
      detail: message,
      code,
    }),
  };
}
