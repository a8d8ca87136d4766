import { isSampleRate } from './measured.ts';
import type { OggCodec } from './oggCodec.ts';

/** Which of the two block sizes each mode has; the number of a mode takes so many bits. */
interface Modes {
  readonly areLong: readonly boolean[];
  readonly bits: number;
}

const IDENTIFICATION = '\x01vorbis';
const IDENTIFICATION_BYTES = 30;
const SETUP = '\x05vorbis';
const MIN_BLOCK = 64;
const MAX_BLOCK = 8192;
const MAX_MODES = 64;
const MODE_COUNT_BITS = 6;
const MODE_BITS = 41;

/** Reads the first packet of a stream (Vorbis I §4.2.2, https://xiph.org/vorbis/doc/); undefined when it is not one of Vorbis. */
export function vorbisCodec(identification: Uint8Array): OggCodec | undefined {
  const bytes = Buffer.from(identification.buffer, identification.byteOffset, identification.length);
  if (!startsWith(bytes, IDENTIFICATION) || bytes.length < IDENTIFICATION_BYTES) return undefined;
  const rate = bytes.readUInt32LE(12);
  const [short, long] = [2 ** (bytes.readUInt8(28) & 15), 2 ** (bytes.readUInt8(28) >> 4)];
  if (!isSampleRate(rate) || short < MIN_BLOCK || short > long || long > MAX_BLOCK) return undefined;
  let modes: Modes | undefined;
  let before: number | undefined;
  return {
    clockRate: rate,
    sampleRate: rate,
    skippedSamples: 0,
    /** Blocks overlap: out comes what is between the middle of the one before and the middle of this one (§1.3.2). */
    samplesOf(packet) {
      const first = packet[0] ?? 1;
      if (first % 2 === 1) {
        if (startsWith(packet, SETUP)) modes = readModes(packet);
        return 0;
      }
      const isLong = modes?.areLong[(first >> 1) % 2 ** modes.bits];
      if (isLong === undefined) return 0;
      const block = isLong ? long : short;
      const samples = before === undefined ? 0 : (before + block) / 4;
      before = block;
      return samples;
    },
  };
}

/**
 * The modes are the last thing in the setup packet (Vorbis I §4.2.4), after tables whose length is known only to who decodes them.
 * So they are read from the end, as FFmpeg does (libavcodec/vorbis_parser.c): as long as what is there can be a mode, whose
 * windows and transforms are 32 zeros, and the number before them is right.
 */
function readModes(setup: Uint8Array): Modes | undefined {
  const endBit = lastBitOf(setup);
  let found: Modes | undefined;
  const areLong: boolean[] = [];
  for (let at = endBit - MODE_BITS; at >= MODE_COUNT_BITS && areLong.length < MAX_MODES; at -= MODE_BITS) {
    if (bitsAt(setup, at + 1, 16) !== 0 || bitsAt(setup, at + 17, 16) !== 0 || bitsAt(setup, at + 33, 8) >= MAX_MODES)
      break;
    areLong.unshift(bitsAt(setup, at, 1) === 1);
    const count = bitsAt(setup, at - MODE_COUNT_BITS, MODE_COUNT_BITS) + 1;
    if (count === areLong.length) found = { areLong: [...areLong], bits: Math.ceil(Math.log2(count)) };
  }
  return found;
}

/** The framing bit, which is set; zeros fill its byte up. */
function lastBitOf(packet: Uint8Array): number {
  for (let at = packet.length * 8 - 1; at >= 0; at--) {
    if (bitsAt(packet, at, 1) === 1) return at;
  }
  return 0;
}

/** Packed from the lowest bit of each byte upwards (Vorbis I §2.1). */
function bitsAt(packet: Uint8Array, from: number, count: number): number {
  let value = 0;
  for (let bit = 0; bit < count; bit++) {
    const at = from + bit;
    value += (((packet[at >> 3] ?? 0) >> (at & 7)) & 1) * 2 ** bit;
  }
  return value;
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1', 0, text.length) === text;
}
