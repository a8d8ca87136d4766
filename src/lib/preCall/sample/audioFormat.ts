import { findMp3Audio } from './mp3Frames.ts';

/** The formats that ElevenLabs is known to take and that this app measures. */
export type AudioFormat = 'wav' | 'mp3' | 'ogg';

export const CONTENT_TYPES = { wav: 'audio/wav', mp3: 'audio/mpeg', ogg: 'audio/ogg' } as const satisfies Record<
  AudioFormat,
  string
>;

const OGG_SEGMENT_COUNT_AT = 26;
const OGG_CODECS = ['\x01vorbis', 'OpusHead'];

/**
 * The format by what the bytes are, whatever name and type they came with; undefined for everything else. An ID3 tag counts
 * as MP3 even when no audio follows: measuring finds that out.
 */
export function audioFormatOf(bytes: Uint8Array): AudioFormat | undefined {
  if (startsWith(bytes, 'RIFF', 0) && startsWith(bytes, 'WAVE', 8)) return 'wav';
  if (startsWith(bytes, 'OggS', 0)) return isKnownOgg(bytes) ? 'ogg' : undefined;
  return startsWith(bytes, 'ID3', 0) || findMp3Audio(bytes) !== undefined ? 'mp3' : undefined;
}

/** The first page of an Ogg stream holds nothing but the name of its codec (RFC 3533 §6, RFC 7845 §5.1). */
function isKnownOgg(bytes: Uint8Array): boolean {
  const contentAt = OGG_SEGMENT_COUNT_AT + 1 + (bytes[OGG_SEGMENT_COUNT_AT] ?? 0);
  return OGG_CODECS.some((codec) => startsWith(bytes, codec, contentAt));
}

function startsWith(bytes: Uint8Array, text: string, at: number): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1', at, at + text.length) === text;
}
