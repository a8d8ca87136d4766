import { createHash, createHmac, randomBytes } from 'node:crypto';
import { type LiftTargets, liftAudio } from '../src/lib/json/lift.ts';
import { parseSignatureHeader } from '../src/lib/signature/header.ts';
import { SignedBody } from '../src/lib/signature/signedBody.ts';
import { Verifier } from '../src/lib/signature/verifier.ts';
import type { Attempts } from '../src/lib/storage/blobStorage.ts';
import { BlockDraft } from '../src/lib/storage/blockDraft.ts';
import { BLOCK_BYTES, BlockPool } from '../src/lib/storage/blockPool.ts';
import { median, type Row } from './row.ts';

const BODY_BYTES = 100 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const WARM_UP_ROUNDS = 3;
const ROUNDS = 15;
const SECRET = 'wsec_bench';
const TIMESTAMP = '1739537297';
const LEAST_RATIO = 0.7;

const pool = new BlockPool(4);
const deadline = new AbortController().signal;
/** Takes blocks and forgets them: what becomes of them is the storage's work. */
const nowhere = { attempt: async () => {} } as unknown as Attempts;

/** Verify, split, decode, hash and hand over blocks, against the hashing alone; the two take turns. */
export async function measurePath(): Promise<Row[]> {
  const audio = randomBytes((BODY_BYTES / 4) * 3);
  const body = Buffer.from(
    `{"type":"post_call_audio","event_timestamp":${TIMESTAMP},"data":{"agent_id":"a","conversation_id":"c","full_audio":"${audio.toString('base64')}"}}`,
  );
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; at += CHUNK_BYTES) chunks.push(Buffer.from(body.subarray(at, at + CHUNK_BYTES)));
  const v0 = createHmac('sha256', SECRET).update(`${TIMESTAMP}.`).update(body).digest('hex');

  const floorMs: number[] = [];
  const pathMs: number[] = [];
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const floor = await timed(() => hashOnly(chunks, audio));
    const path = await timed(() => wholePath(chunks, `t=${TIMESTAMP},v0=${v0}`));
    if (round < 0) continue;
    floorMs.push(floor);
    pathMs.push(path);
  }
  const ratio = median(floorMs) / median(pathMs);
  const throughput = (ms: number) => `${Math.round(BODY_BYTES / 1024 / 1024 / (ms / 1000))} MiB/s`;
  return [
    {
      what: 'audio path, 100 MiB body',
      measured: `${throughput(median(pathMs))} (${Math.round(ratio * 100)} %)`,
      against: `${throughput(median(floorMs))} hashing alone`,
      target: `at least ${LEAST_RATIO * 100} %`,
      met: ratio >= LEAST_RATIO ? 'yes' : 'no',
    },
  ];
}

async function timed(work: () => Promise<void> | void): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function hashOnly(chunks: readonly Buffer[], audio: Buffer): void {
  const hmac = createHmac('sha256', SECRET);
  for (const chunk of chunks) hmac.update(chunk);
  hmac.digest();
  const hash = createHash('sha256');
  for (let at = 0; at < audio.length; at += BLOCK_BYTES) hash.update(audio.subarray(at, at + BLOCK_BYTES));
  hash.digest();
}

async function wholePath(chunks: readonly Buffer[], header: string): Promise<void> {
  const iterator = chunks.values();
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const { done, value } = iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  const body = new SignedBody({
    stream,
    verifier: new Verifier(parseSignatureHeader(header), [SECRET]),
    signedAtSeconds: Number(TIMESTAMP),
    limitBytes: Number.MAX_SAFE_INTEGER,
    deadline,
  });
  const draft = new BlockDraft({ storage: nowhere, pool, incoming: { container: 'incoming', prefix: '' }, deadline });
  const targets: LiftTargets = {
    audio: () => draft,
    remainder: () => {
      throw new Error('the audio is good base64');
    },
  };
  const { kind } = await liftAudio(body, targets);
  body.proof();
  if (kind !== 'lifted' || draft.sha256 === '') throw new Error(`the audio was not lifted: ${kind}`);
  await draft.abandon();
}
