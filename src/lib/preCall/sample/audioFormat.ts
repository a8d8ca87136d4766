import { oggCodecOf } from './measureOgg.ts';
import { findMp3Audio } from './mp3Frames.ts';
import { oggPageAt } from './oggPages.ts';

/** The formats that ElevenLabs is known to take and that this app measures. */
export type AudioFormat = 'wav' | 'mp3' | 'ogg';

export const CONTENT_TYPES = { wav: 'audio/wav', mp3: 'audio/mpeg', ogg: 'audio/ogg' } as const satisfies Record<
  AudioFormat,
  string
>;

/** RIFF, and what it is called when its sizes need 64 bits (EBU Tech 3306, ITU-R BS.2088). */
const RIFF_IDS = ['RIFF', 'RF64', 'BW64'];
/** Streams side by side, each of which begins with a page of its own before any other page. */
const MAX_STREAMS = 16;

/**
 * The format by what the bytes are, whatever name and type they came with; undefined for everything else. An ID3 tag counts
 * as MP3 even when no audio follows: measuring finds that out.
 */
export function audioFormatOf(bytes: Uint8Array): AudioFormat | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const word = (at: number) => file.toString('latin1', at, at + 4);
  if (RIFF_IDS.includes(word(0)) && word(8) === 'WAVE') return 'wav';
  if (word(0) === 'OggS') return hasOggAudio(file) ? 'ogg' : undefined;
  return word(0).startsWith('ID3') || findMp3Audio(bytes) !== undefined ? 'mp3' : undefined;
}

/** The first page of each stream holds nothing but the name of its codec (RFC 3533 §6, RFC 7845 §3). */
function hasOggAudio(file: Buffer): boolean {
  let page = oggPageAt(file, 0);
  for (let streams = 0, at = 0; page?.isFirst && streams < MAX_STREAMS; streams++) {
    if (oggCodecOf(page) !== undefined) return true;
    at += page.bytes.length;
    page = oggPageAt(file, at);
  }
  return false;
}
