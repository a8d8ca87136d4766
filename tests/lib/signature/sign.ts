import { createHmac } from 'node:crypto';

/** The `v0` of a signature, computed in one go (docs/facts/elevenlabs.md#the-signature). */
export function v0(secret: string, timestamp: string | number, body: string | Uint8Array): string {
  return createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex');
}

export function sign(secret: string, timestamp: string | number, body: string | Uint8Array): string {
  return `t=${timestamp},v0=${v0(secret, timestamp, body)}`;
}

/** Computed with OpenSSL and with Node (docs/facts/elevenlabs.md#the-signature). */
export const vectors = [
  {
    name: 'plain ASCII',
    secret: 'wsec_test',
    timestamp: '1739537297',
    body: '{"type":"post_call_transcription","event_timestamp":1739537297,"data":{}}',
    signature: 'd8a0fc2a9a570a47e6ccaf1aafe3739f64d26a9dfac82f7d1a617fade715152a',
  },
  {
    name: 'characters of several bytes',
    secret: 'wsec_0123456789abcdef',
    timestamp: '1739537297',
    body: '{"type":"post_call_transcription","event_timestamp":1739537297,"data":{"note":"café ☎"}}',
    signature: '763a0972f80fe355c608045f8fdbd040c06fdf3b7875dfffe1d23f1ddb728d55',
  },
] as const;
