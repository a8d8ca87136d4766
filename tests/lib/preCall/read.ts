import { Readable } from 'node:stream';
import type { HeldBody } from '../../../src/lib/http/bodyMemory.ts';
import { type PreCallRequest, readRequest } from '../../../src/lib/preCall/request/request.ts';
import { type SignedRequest, withSignature } from '../../../src/lib/signature/withSignature.ts';
import { sign } from '../signature/sign.ts';

const SECRET = 'wsec_test';
const NOW_MS = 1_739_537_297_000;
const ENDPOINT = {
  secrets: [SECRET],
  toleranceSeconds: 1800,
  futureSkewSeconds: 300,
  bodyLimitBytes: 15 * 1024 * 1024,
  bodyDeadlineSeconds: 20,
  now: () => NOW_MS,
};
export const METADATA = { type: 'pre_call', conversation_id: 'conv_1', agent_id: 'agent_1' };

/** Reads a body as the endpoint does, from a stream of pieces of the size. */
export function read(
  body: Uint8Array,
  contentType: string,
  { pieceBytes = 1000, held }: { pieceBytes?: number; held?: HeldBody } = {},
): Promise<PreCallRequest> {
  const t = NOW_MS / 1000;
  const headers = new Headers({ 'elevenlabs-signature': sign(SECRET, t, body), 'content-type': contentType });
  const request = { headers: headers as SignedRequest['headers'], body: Readable.from(piecesOf(body, pieceBytes)) };
  return withSignature(ENDPOINT, request, (delivery) => readRequest(delivery.body, contentType, held));
}

function* piecesOf(body: Uint8Array, pieceBytes: number): Generator<Uint8Array> {
  for (let at = 0; at < body.length; at += pieceBytes) yield body.subarray(at, at + pieceBytes);
}
