import { createHash, createHmac, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { type LiftTargets, liftAudio } from '../../src/lib/json/lift.ts';
import { eventMembers } from '../../src/lib/postCall/events.ts';
import { parseSignatureHeader } from '../../src/lib/signature/header.ts';
import { SignedBody } from '../../src/lib/signature/signedBody.ts';
import { Verifier } from '../../src/lib/signature/verifier.ts';
import type { Attempts } from '../../src/lib/storage/blobStorage.ts';
import { BlockDraft } from '../../src/lib/storage/blockDraft.ts';
import { BLOCK_BYTES, BlockPool } from '../../src/lib/storage/blockPool.ts';
import { SECRET } from '../apps.ts';
import type { Context } from '../context.ts';
import { judge, type Row, type Target } from '../row.ts';
import { ratio, show, spread, takeTurns } from '../turns.ts';

const MIB = 1024 * 1024;
const SIZES_MIB = [1, 12, 100];
/** So that one turn takes long enough to be timed. */
const MIB_A_TURN = 100;
const CHUNK_BYTES = 64 * 1024;
const TIMESTAMP = '1739537297';
const target: Target = { is: 'at least', limit: 80, inShortForm: 40, unit: '%' };

const pool = new BlockPool(4);
const deadline = new AbortController().signal;
/** Takes blocks and forgets them: what becomes of them is the storage's work. */
const nowhere = { attempt: async () => {} } as unknown as Attempts;

/** Verify, split, decode, hash and hand over blocks, against the promised hashing alone; CPU time of this process. */
export async function measureAudioCpu({ isShort, say }: Context): Promise<Row[]> {
  const rows: Row[] = [];
  for (const sizeMib of isShort ? SIZES_MIB.slice(-1) : SIZES_MIB) {
    say(`${sizeMib} MiB`);
    const recording = makeRecording(sizeMib * MIB);
    const repeats = Math.ceil(MIB_A_TURN / sizeMib);
    const { floor, path } = await takeTurns(isShort ? 5 : 11, {
      floor: () => mibPerCpuSecond(sizeMib, repeats, () => hashOnly(recording)),
      path: () => mibPerCpuSecond(sizeMib, repeats, () => wholePath(recording)),
    });
    const share = ratio(path, floor);
    rows.push({
      what: `audio, CPU only, ${sizeMib} MiB`,
      measured: `${show(share, 100)} %: ${show(spread(path))} MiB/s`,
      against: `${show(spread(floor))} MiB/s hashing alone`,
      ...judge(share.median * 100, target, isShort),
      figures: { shareOfFloor: share, mibPerSecond: spread(path), floorMibPerSecond: spread(floor) },
    });
  }
  return rows;
}

interface Recording {
  readonly chunks: readonly Buffer[];
  readonly audio: Buffer;
  readonly header: string;
}

function makeRecording(bytes: number): Recording {
  const audio = randomBytes((bytes / 4) * 3);
  const body = Buffer.from(
    `{"type":"post_call_audio","event_timestamp":${TIMESTAMP},"data":{"agent_id":"a","conversation_id":"c","full_audio":"${audio.toString('base64')}"}}`,
  );
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; at += CHUNK_BYTES) chunks.push(Buffer.from(body.subarray(at, at + CHUNK_BYTES)));
  const v0 = createHmac('sha256', SECRET).update(`${TIMESTAMP}.`).update(body).digest('hex');
  return { chunks, audio, header: `t=${TIMESTAMP},v0=${v0}` };
}

async function mibPerCpuSecond(mib: number, repeats: number, work: () => Promise<void> | void): Promise<number> {
  const start = process.cpuUsage();
  for (let time = 0; time < repeats; time++) await work();
  const { user, system } = process.cpuUsage(start);
  return (mib * repeats * 1e6) / (user + system);
}

function hashOnly({ chunks, audio }: Recording): void {
  const hmac = createHmac('sha256', SECRET);
  for (const chunk of chunks) hmac.update(chunk);
  hmac.digest();
  const hash = createHash('sha256');
  for (let at = 0; at < audio.length; at += BLOCK_BYTES) hash.update(audio.subarray(at, at + BLOCK_BYTES));
  hash.digest();
}

async function wholePath({ chunks, header }: Recording): Promise<void> {
  const body = new SignedBody({
    stream: Readable.from(chunks),
    verifier: new Verifier(parseSignatureHeader(header), [SECRET]),
    signedAtSeconds: Number(TIMESTAMP),
    limitBytes: Number.MAX_SAFE_INTEGER,
    expectedBytes: 0,
    deadline,
  });
  const draft = new BlockDraft({ storage: nowhere, pool, incoming: { container: 'incoming', prefix: '' }, deadline });
  const targets: LiftTargets = {
    audio: () => draft,
    undecoded: () => {
      throw new Error('the audio is good base64');
    },
  };
  const { kind } = await liftAudio(body, targets, { members: eventMembers });
  body.proof();
  if (kind !== 'lifted' || draft.sha256 === '') throw new Error(`the audio was not lifted: ${kind}`);
  await draft.abandon();
}
