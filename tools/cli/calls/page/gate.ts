import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** What a request may do: nothing, with the reason; change the token for a cookie; or everything. */
export type Admission =
  | { readonly kind: 'refused'; readonly status: 401 | 403; readonly message: string }
  | { readonly kind: 'enters'; readonly cookie: string }
  | { readonly kind: 'inside' };

const CROSS_ORIGIN = 'Only the page itself may ask for this.';
const SPENT =
  'This address has been used, or is another one’s: it opens the page once, in one browser. Open the page from there, or start it again.';

/**
 * Lets in who opens the page's address, once: the token in it is changed for a cookie that scripts cannot read and that other
 * sites' requests do not carry. Whatever name resolves to this machine, only its own loopback names are answered (DNS rebinding),
 * and what another site asks for is refused by what the browser says of it (https://www.w3.org/TR/fetch-metadata/).
 */
export class Gate {
  readonly token = newSecret();
  readonly #session = newSecret();
  readonly #hosts: readonly string[];
  readonly #cookieName: string;
  #isSpent = false;

  constructor(port: number) {
    this.#hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
    this.#cookieName = `calls_${port}`; // cookies know no ports, and there may be two pages
  }

  /** @param token the one of the address; null when it has none. */
  admit({ headers, method }: Pick<IncomingMessage, 'headers' | 'method'>, token: string | null): Admission {
    if (!this.#hosts.includes(headers.host ?? '')) return refused(403, 'This address is not that of the page.');
    const isEntrance = token !== null || headers['sec-fetch-dest'] === 'document';
    const site = headers['sec-fetch-site'] ?? 'same-origin';
    if (site !== 'same-origin' && site !== 'none' && !isEntrance) return refused(403, CROSS_ORIGIN);
    if (headers.origin !== undefined && headers.origin !== `http://${headers.host}`) return refused(403, CROSS_ORIGIN);
    if (this.#hasSession(headers.cookie)) return { kind: 'inside' };
    if (token === null || method !== 'GET' || this.#isSpent || !isSame(token, this.token)) return refused(401, SPENT);
    this.#isSpent = true;
    return { kind: 'enters', cookie: `${this.#cookieName}=${this.#session}; Path=/; HttpOnly; SameSite=Strict` };
  }

  #hasSession(cookies = ''): boolean {
    const values = cookies.split(';').map((pair) => pair.trim().split('='));
    return values.some(([name, value = '']) => name === this.#cookieName && isSame(value, this.#session));
  }
}

function refused(status: 401 | 403, message: string): Admission {
  return { kind: 'refused', status, message };
}

function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** In constant time, whatever their lengths. */
function isSame(one: string, other: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(one), hash(other));
}
