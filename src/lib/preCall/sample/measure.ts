import { type IFormat, parseBuffer } from 'music-metadata';
import { type AudioFormat, CONTENT_TYPES } from './audioFormat.ts';
import { measureMp3 } from './mp3Frames.ts';

export interface Measured {
  readonly durationSeconds: number;
  readonly sampleRate: number;
}

/** More of an MP3 file is not needed to know its kind, and hostile bytes cost the library 4 ms for each KiB. */
const MP3_START_BYTES = 64 * 1024;

/**
 * Duration and sample rate as the audio itself has them; undefined when it cannot be decoded, whether the library throws or
 * finds no duration. Hostile bytes can keep the library busy for half a minute: call it in a thread that can be ended.
 */
export async function measure(bytes: Uint8Array, format: AudioFormat): Promise<Measured | undefined> {
  try {
    const { durationSeconds, sampleRate } = await MEASURES[format](bytes);
    if (!isPositive(durationSeconds) || !isPositive(sampleRate)) return undefined;
    return { durationSeconds: Math.round(durationSeconds * 1000) / 1000, sampleRate };
  } catch {
    return undefined;
  }
}

type Found = { readonly [member in keyof Measured]: number | undefined };

const MEASURES: Record<AudioFormat, (bytes: Uint8Array) => Promise<Found>> = {
  async wav(bytes) {
    const { duration, sampleRate, bitrate } = await parse(bytes, 'wav');
    // A fact chunk may claim any number of samples; there are no more than the bytes hold.
    const heldSeconds = bitrate ? (bytes.length * 8) / bitrate : Number.POSITIVE_INFINITY;
    return { durationSeconds: isPositive(duration) ? Math.min(duration, heldSeconds) : undefined, sampleRate };
  },
  async mp3(bytes) {
    const audio = measureMp3(bytes);
    if (audio === undefined) return { durationSeconds: undefined, sampleRate: undefined };
    const start = bytes.subarray(audio.firstFrameAt, audio.firstFrameAt + MP3_START_BYTES);
    const { codec = '', sampleRate } = await parse(start, 'mp3');
    return { durationSeconds: codec.endsWith('Layer 3') ? audio.durationSeconds : undefined, sampleRate };
  },
  async ogg(bytes) {
    // `duration` makes it go on to the last page, which holds the position that counts.
    const { duration, sampleRate } = await parse(bytes, 'ogg');
    return { durationSeconds: duration, sampleRate };
  },
};

async function parse(bytes: Uint8Array, format: AudioFormat): Promise<IFormat> {
  const found = await parseBuffer(bytes, { mimeType: CONTENT_TYPES[format] }, { duration: true, skipCovers: true });
  return found.format;
}

function isPositive(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && value > 0;
}
