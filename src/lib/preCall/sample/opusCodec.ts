import { isSampleRate } from './measured.ts';
import type { OggCodec } from './oggCodec.ts';

const MAGIC = 'OpusHead';
const HEAD_BYTES = 19;
const COMMENT_MAGIC = 'OpusTags';
/** Opus counts at this rate, whatever was recorded (RFC 7845 §4). */
const CLOCK_RATE = 48_000;
/** 120 ms (RFC 6716 §3.2.5, R5). */
const MAX_PACKET_SAMPLES = 5_760;

/** Reads the first packet of a stream (RFC 7845 §5.1); undefined when it is not one of Opus. */
export function opusCodec(head: Uint8Array): OggCodec | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length);
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC || bytes.length < HEAD_BYTES) return undefined;
  if (bytes.readUInt8(8) >> 4 !== 0) return undefined; // a version that is not compatible
  const inputRate = bytes.readUInt32LE(12); // for information only; 0 when not known
  return {
    clockRate: CLOCK_RATE,
    sampleRate: isSampleRate(inputRate) ? inputRate : CLOCK_RATE,
    skippedSamples: bytes.readUInt16LE(10),
    samplesOf: (packet) => (isComment(packet) ? 0 : samplesOf(packet)),
  };
}

function isComment(packet: Uint8Array): boolean {
  if (packet[0] !== COMMENT_MAGIC.charCodeAt(0)) return false; // as most of a million
  return Buffer.from(packet.buffer, packet.byteOffset, packet.length).toString('latin1', 0, 8) === COMMENT_MAGIC;
}

/** The first byte says mode, length and number of the frames (RFC 6716 §3.1), the second one the number when it is any other. */
function samplesOf(packet: Uint8Array): number {
  const [toc, count = 0] = packet;
  if (toc === undefined) return 0;
  const frames = [1, 2, 2, count & 0x3f][toc & 3] ?? 0;
  const samples = frames * frameSamples(toc >> 3);
  return samples <= MAX_PACKET_SAMPLES ? samples : 0;
}

function frameSamples(config: number): number {
  if (config < 12) return [480, 960, 1920, 2880][config & 3] ?? 0; // SILK: 10, 20, 40, 60 ms
  if (config < 16) return [480, 960][config & 1] ?? 0; // hybrid: 10, 20 ms
  return [120, 240, 480, 960][config & 3] ?? 0; // CELT: 2.5, 5, 10, 20 ms
}
