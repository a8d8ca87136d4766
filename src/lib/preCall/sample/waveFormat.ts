import { isSampleRate } from './measured.ts';

/** How a WAV file packs its samples: so many bytes hold so many samples of each channel. */
export interface WaveFormat {
  readonly tag: number;
  readonly sampleRate: number;
  readonly blockBytes: number;
  readonly blockSamples: number;
  /** What decoders still get from the beginning of a block; nothing where this is absent. */
  readonly samplesOfPart?: (bytes: number) => number;
}

/** MP3 in a WAV file: its frames are counted, it has no blocks. */
export const MP3_TAG = 0x0055;

interface Members {
  readonly channels: number;
  readonly blockAlign: number;
  readonly bits: number;
}

type Layout = Pick<WaveFormat, 'blockBytes' | 'blockSamples' | 'samplesOfPart'>;

const EXTENSIBLE_TAG = 0xfffe;
/** What follows the tag in the GUID of a sub-format (KSDATAFORMAT_SUBTYPE_WAVEFORMATEX). */
const BASE_GUID = '000000001000800000aa00389b71';
const MIN_BYTES = 14;
const EXTENSIBLE_BYTES = 40;
const MAX_CHANNELS = 64;
const MAX_SAMPLE_BYTES = 8;

/**
 * Whole bytes for each sample. FFmpeg, SoX and libsndfile compute a block from channels and bits: recorders in mono left the block
 * align of stereo there (Recorder.js). It says only whether 24 bits have four bytes, and what there is when the bits are not said.
 */
const linear = ({ channels, blockAlign, bits }: Members): Layout | undefined => {
  const sampleBytes = bits === 24 && blockAlign === channels * 4 ? 4 : Math.ceil(bits / 8);
  if (blockAlign > channels * MAX_SAMPLE_BYTES || sampleBytes > MAX_SAMPLE_BYTES) return undefined;
  if (blockAlign === 0 && sampleBytes === 0) return undefined;
  return { blockBytes: sampleBytes === 0 ? blockAlign : channels * sampleBytes, blockSamples: 1 };
};

const g711 = ({ channels, blockAlign }: Members): Layout | undefined =>
  blockAlign > channels * MAX_SAMPLE_BYTES ? undefined : { blockBytes: channels, blockSamples: 1 };

/** Seven bytes a channel, with two samples in them, then four bits a sample. */
const msAdpcm = ({ channels, blockAlign }: Members): Layout => {
  const samplesOfPart = (bytes: number) => Math.max(0, Math.floor(((bytes - 6 * channels) * 2) / channels));
  return { blockBytes: blockAlign, blockSamples: samplesOfPart(blockAlign), samplesOfPart };
};

/** Four bytes a channel, with one sample in them, then words of four bytes, one channel after the other. */
const imaAdpcm = ({ channels, blockAlign, bits }: Members): Layout | undefined => {
  if (bits !== 3 && bits !== 4) return undefined;
  const samplesOfPart = (bytes: number) => {
    const codes = bytes - 4 * channels;
    return codes < 0 ? 0 : Math.floor((codes * 8) / (bits * channels)) + 1;
  };
  return { blockBytes: blockAlign, blockSamples: samplesOfPart(blockAlign), samplesOfPart };
};

/** A stream of codes without blocks: eight of them fill as many bytes as a code has bits. */
const codes =
  (bitsOf: (bits: number) => number) =>
  ({ channels, bits }: Members): Layout | undefined => {
    const codeBits = bitsOf(bits);
    if (codeBits < 2 || codeBits > 5) return undefined;
    const samplesOfPart = (bytes: number) => Math.floor((bytes * 8) / (codeBits * channels));
    return { blockBytes: codeBits * channels, blockSamples: 8, samplesOfPart };
  };

/** One channel in frames of a fixed size. */
const frames =
  (blockSamples: number, ...sizes: number[]) =>
  ({ channels, blockAlign }: Members): Layout | undefined =>
    channels === 1 && sizes.includes(blockAlign) ? { blockBytes: blockAlign, blockSamples } : undefined;

/** By format tag (RFC 2361, Microsoft's mmreg.h). For any other one the number of bytes does not say how many samples they hold. */
const LAYOUTS: Readonly<Record<number, (members: Members) => Layout | undefined>> = {
  1: linear, // PCM
  2: msAdpcm,
  3: linear, // IEEE float
  6: g711, // A-law
  7: g711, // mu-law
  16: codes(() => 4), // OKI ADPCM
  17: imaAdpcm, // IMA or DVI
  20: codes((bits) => bits), // G.723 of 24 and 40 kbit/s
  23: codes(() => 4), // Dialogic OKI ADPCM
  32: codes(() => 4), // Yamaha ADPCM
  34: frames(240, 32), // DSP Group TrueSpeech
  49: frames(320, 65), // GSM 6.10
  64: codes((bits) => bits), // G.721
  66: frames(240, 20, 24), // G.723.1
  69: codes((bits) => bits), // G.726
  [MP3_TAG]: () => ({ blockBytes: 1, blockSamples: 0 }), // without blocks
  100: codes((bits) => bits), // G.726 of APICOM
  131: frames(80, 10), // G.729
  655: codes(() => 4), // G.722
};

/**
 * Reads a `fmt ` chunk (Multimedia Programming Interface and Data Specifications 1.0, "WAVE"; WAVEFORMATEXTENSIBLE). The byte rate is
 * not read: players ignore it, and recorders get it wrong. Undefined for what is unknown and for what no audio has.
 */
export function readWaveFormat(chunk: Uint8Array): WaveFormat | undefined {
  if (chunk.length < MIN_BYTES) return undefined;
  const fmt = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
  const tag = tagOf(fmt);
  const channels = fmt.readUInt16LE(2);
  const sampleRate = fmt.readUInt32LE(4);
  const bits = fmt.length < 16 ? 0 : fmt.readUInt16LE(14);
  if (tag === undefined || channels === 0 || channels > MAX_CHANNELS || !isSampleRate(sampleRate)) return undefined;
  const layout = LAYOUTS[tag]?.({ channels, blockAlign: fmt.readUInt16LE(12), bits });
  return layout === undefined || layout.blockBytes === 0 ? undefined : { tag, sampleRate, ...layout };
}

function tagOf(fmt: Buffer): number | undefined {
  const tag = fmt.readUInt16LE(0);
  if (tag !== EXTENSIBLE_TAG) return tag;
  if (fmt.length < EXTENSIBLE_BYTES || fmt.toString('hex', 26, EXTENSIBLE_BYTES) !== BASE_GUID) return undefined;
  return fmt.readUInt16LE(24);
}
