import { FRAME_HEADER_BYTES, type Mp3Frame } from './mp3Frames.ts';

/** What an encoder says about the frames that follow, in a frame without audio. */
export interface Mp3Info {
  /** How many follow; undefined when it does not say. */
  readonly frames?: number;
  /** What the encoder put before and after the audio that it was given. */
  readonly delaySamples: number;
  readonly paddingSamples: number;
}

const CHECKSUM_BYTES = 2;
/** VBRI is at a fixed place, whatever the frame. */
const VBRI_AT = FRAME_HEADER_BYTES + 32;
const FRAMES_FLAG = 1;
/** The optional members, by the bits of the flags: frames, bytes, table of contents, quality. */
const MEMBER_BYTES = [4, 4, 100, 4];
const ENCODERS = ['LAME', 'Lavc', 'Lavf'];
const DELAYS_AT = 21;

/**
 * The info frame at `at`, or undefined when it is one with audio. Xing and Info as LAME and FFmpeg write them
 * (http://gabriel.mp3-tech.org/mp3infotag.html, FFmpeg's libavformat/mp3dec.c), and Fraunhofer's VBRI, whose delay players ignore.
 */
export function mp3InfoAt(
  bytes: Uint8Array,
  at: number,
  { bytes: frameBytes, sideBytes }: Mp3Frame,
): Mp3Info | undefined {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.min(frameBytes, bytes.length - at));
  const word = (offset: number) => frame.toString('latin1', offset, offset + 4);
  const tagAt = FRAME_HEADER_BYTES + sideBytes;
  for (const xingAt of [tagAt, tagAt + CHECKSUM_BYTES]) {
    if (word(xingAt) === 'Xing' || word(xingAt) === 'Info') return readXing(frame, xingAt);
  }
  return word(VBRI_AT) === 'VBRI' ? { delaySamples: 0, paddingSamples: 0 } : undefined;
}

function readXing(frame: Buffer, xingAt: number): Mp3Info {
  const flags = frame[xingAt + 7] ?? 0;
  const framesAt = xingAt + 8;
  const hasFrames = (flags & FRAMES_FLAG) !== 0 && framesAt + 4 <= frame.length;
  const frames = hasFrames ? { frames: frame.readUInt32BE(framesAt) } : {};
  const lameAt = MEMBER_BYTES.reduce((end, size, bit) => end + ((flags >> bit) & 1) * size, framesAt);
  const isLame = ENCODERS.includes(frame.toString('latin1', lameAt, lameAt + 4));
  if (!isLame || lameAt + DELAYS_AT + 3 > frame.length) return { ...frames, delaySamples: 0, paddingSamples: 0 };
  const delays = frame.readUIntBE(lameAt + DELAYS_AT, 3);
  return { ...frames, delaySamples: delays >> 12, paddingSamples: delays & 0xfff };
}
