import { createHash, timingSafeEqual } from 'node:crypto';
import { WebhookError } from '../errors.ts';

/** Not `Bearer` and one of the secrets. Nothing of the request may be looked at. */
export class BearerError extends WebhookError {
  constructor() {
    super('unauthorized', 401, 'The request is not authorized.', {
      hint:
        'Expected is one header Authorization with the value "Bearer <secret>", the secret being one of INITIATION_SECRET. ' +
        'At ElevenLabs it is a request header of the conversation initiation webhook; npm run connect sets it.',
    });
  }
}

/**
 * Whether a request may ask (https://www.rfc-editor.org/rfc/rfc6750#section-2.1). Every secret is compared, by its hash and in
 * constant time: how long it takes says nothing about any of them. Several headers arrive here as one with commas, which no
 * secret contains.
 *
 * @throws {BearerError}
 */
export function checkBearer(header: string | null, secrets: readonly string[]): void {
  const [, token] = /^bearer +([!-~]+)$/i.exec(header ?? '') ?? [];
  const given = hashOf(token ?? '');
  let isOne = false;
  for (const secret of secrets) isOne = timingSafeEqual(given, hashOf(secret)) || isOne;
  if (!isOne || token === undefined) throw new BearerError();
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
