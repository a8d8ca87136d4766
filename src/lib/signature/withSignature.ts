import type { Readable } from 'node:stream';
import type { HttpRequest } from '@azure/functions';
import { SignatureError } from '../errors.ts';
import type { SignaturePolicy } from '../settings/postCallSettings.ts';
import { parseSignatureHeader, SIGNATURE_HEADER } from './header.ts';
import { bodyTooLarge, SignedBody } from './signedBody.ts';
import { Verifier } from './verifier.ts';

export interface SignedEndpoint extends SignaturePolicy {
  readonly bodyLimitBytes: number;
  /** How long the whole body may take. */
  readonly bodyDeadlineSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What the middleware looks at of a request; its body as `requestBody` gives it. */
export interface SignedRequest {
  readonly headers: HttpRequest['headers'];
  readonly body: Readable | null;
}

/** What is known of a delivery before its body: enough for the log, nothing that is visible elsewhere. */
export interface SignedDelivery {
  readonly body: SignedBody;
  /** Seconds between the signature's `t` and now; negative when `t` is ahead. */
  readonly signatureAgeSeconds: number;
}

/**
 * The HMAC middleware of every signed endpoint. It checks what costs nothing first (header grammar, age, declared length)
 * and hands on a body that ends only if it is genuine; see {@link SignedBody}.
 *
 * ```ts
 * const request = { headers, body: requestBody(httpRequest, context) };
 * const answer = await withSignature(endpoint, request, ({ body }) => receive(body));
 * ```
 *
 * @throws {SignatureError} 401 for a header that is missing or malformed, 400 for a timestamp out of range.
 * @throws {BodyError} 413 when Content-Length is over the limit.
 */
export async function withSignature<T>(
  endpoint: SignedEndpoint,
  request: SignedRequest,
  handle: (delivery: SignedDelivery) => Promise<T>,
): Promise<T> {
  const header = parseSignatureHeader(request.headers.get(SIGNATURE_HEADER));
  const signedAtSeconds = Number(header.timestamp);
  const signatureAgeSeconds = Math.floor(endpoint.now() / 1000) - signedAtSeconds;
  checkAge(signatureAgeSeconds, endpoint);
  const expectedBytes = Number(request.headers.get('content-length') ?? 0);
  if (expectedBytes > endpoint.bodyLimitBytes) throw bodyTooLarge(endpoint.bodyLimitBytes);

  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), endpoint.bodyDeadlineSeconds * 1000);
  try {
    const body = new SignedBody({
      stream: request.body,
      verifier: new Verifier(header, endpoint.secrets),
      signedAtSeconds,
      limitBytes: endpoint.bodyLimitBytes,
      expectedBytes,
      deadline: deadline.signal,
    });
    return await handle({ body, signatureAgeSeconds });
  } finally {
    clearTimeout(timer);
  }
}

function checkAge(ageSeconds: number, policy: SignaturePolicy): void {
  if (ageSeconds > policy.toleranceSeconds) {
    throw new SignatureError('timestamp_too_old', 400, 'The signature is too old.', {
      hint: `The signature is ${ageSeconds} s old and WEBHOOK_TOLERANCE_SECONDS is ${policy.toleranceSeconds}.`,
    });
  }
  if (-ageSeconds > policy.futureSkewSeconds) {
    throw new SignatureError('timestamp_in_future', 400, 'The signature is from the future.', {
      hint: `The signature is ${-ageSeconds} s ahead and WEBHOOK_FUTURE_SKEW_SECONDS is ${policy.futureSkewSeconds}.`,
    });
  }
}
