import { createHmac, type Hmac, timingSafeEqual } from 'node:crypto';
import type { SignatureHeader } from './header.ts';

/**
 * HMAC-SHA256 over `t` + `.` + the raw body, computed while the bytes pass, once for each secret. The key is the whole
 * secret as UTF-8 (docs/facts/elevenlabs.md#the-signature).
 */
export class Verifier {
  readonly #signatures: readonly Buffer[];
  readonly #hmacs: readonly Hmac[];

  constructor(header: SignatureHeader, secrets: readonly string[]) {
    this.#signatures = header.signatures;
    this.#hmacs = secrets.map((secret) => createHmac('sha256', secret).update(`${header.timestamp}.`));
  }

  update(bytes: Uint8Array): void {
    for (const hmac of this.#hmacs) hmac.update(bytes);
  }

  /**
   * The position (1 is the first) of the secret that matches, or undefined when none does. Every secret is compared with
   * every signature in constant time, without an early exit. To be called once, after the last byte.
   */
  matchingSecret(): number | undefined {
    let match: number | undefined;
    for (const [index, hmac] of this.#hmacs.entries()) {
      const expected = hmac.digest();
      for (const signature of this.#signatures) {
        const isEqual = timingSafeEqual(expected, signature);
        if (isEqual && match === undefined) match = index + 1;
      }
    }
    return match;
  }
}
