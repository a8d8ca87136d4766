import { createHmac } from 'node:crypto';

type Signable = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * The value of the header `elevenlabs-signature` for a body.
 *
 * @param t Unix seconds, signed along with the body; text to sign something that is not a number.
 * @example await sign('{"type":"post_call_audio"}', 'wsec_test', 1739537297) // 't=1739537297,v0=…'
 */
export async function sign(body: Signable, secret: string, t: number | string): Promise<string> {
  return `t=${t},v0=${await digest(body, secret, t)}`;
}

async function digest(body: Signable, secret: string, t: number | string): Promise<string> {
  const hmac = createHmac('sha256', secret).update(`${t}.`);
  if (typeof body === 'string' || body instanceof Uint8Array) hmac.update(body);
  else for await (const chunk of body) hmac.update(chunk);
  return hmac.digest('hex');
}
