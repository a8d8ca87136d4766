import { type Measured, measured } from './measured.ts';
import type { OggCodec } from './oggCodec.ts';
import { OggPackets } from './oggPackets.ts';
import { type OggPage, oggPages } from './oggPages.ts';
import { opusCodec } from './opusCodec.ts';
import { vorbisCodec } from './vorbisCodec.ts';

/**
 * Counts the samples of the packets: the positions that pages declare begin anywhere and are wrong in many files. Streams that
 * follow each other add up. Of those side by side (video, Skeleton) the first one of audio counts.
 */
export function measureOgg(bytes: Uint8Array): Measured | undefined {
  let seconds = 0;
  let sampleRate = 0;
  let audio: AudioStream | undefined;
  let areFirstPages = false;
  for (const page of oggPages(bytes)) {
    if (page.isFirst && !areFirstPages) {
      seconds += audio?.seconds() ?? 0; // the next link of a chain begins (RFC 3533 §4)
      audio = undefined;
    }
    areFirstPages = page.isFirst;
    audio ??= page.isFirst ? AudioStream.begunBy(page) : undefined;
    audio?.take(page);
    sampleRate ||= audio?.sampleRate ?? 0;
  }
  return measured(seconds + (audio?.seconds() ?? 0), sampleRate);
}

/** The codec of the stream that the page begins; undefined when it is not one of audio that is known here. */
export function oggCodecOf({ isFirst, content }: OggPage): OggCodec | undefined {
  return isFirst ? (opusCodec(content) ?? vorbisCodec(content)) : undefined;
}

/** One logical stream. */
class AudioStream {
  readonly #serial: number;
  readonly #codec: OggCodec;
  readonly #packets = new OggPackets();
  #samples = 0;
  #samplesSincePosition = 0;
  #position = 0;

  static begunBy(page: OggPage): AudioStream | undefined {
    const codec = oggCodecOf(page);
    return codec === undefined ? undefined : new AudioStream(page.serial, codec);
  }

  private constructor(serial: number, codec: OggCodec) {
    this.#serial = serial;
    this.#codec = codec;
  }

  get sampleRate(): number {
    return this.#codec.sampleRate;
  }

  seconds(): number {
    return Math.max(0, this.#samples - this.#codec.skippedSamples) / this.#codec.clockRate;
  }

  take(page: OggPage): void {
    if (page.serial !== this.#serial) return;
    let lastSamples = 0;
    for (const packet of this.#packets.take(page)) {
      lastSamples = this.#codec.samplesOf(packet);
      this.#samplesSincePosition += lastSamples;
      this.#samples += lastSamples;
    }
    if (page.position === undefined) return;
    if (page.isLast) this.#samples -= this.#cutOff(page.position, lastSamples);
    this.#position = page.position;
    this.#samplesSincePosition = 0;
  }

  /**
   * The last page may end within its last packet, which the encoder has filled up (RFC 7845 §4.4, Vorbis I §A.2). More than that
   * packet means that the position is wrong.
   */
  #cutOff(position: number, lastSamples: number): number {
    const cutOff = this.#samplesSincePosition - (position - this.#position);
    return cutOff > 0 && cutOff <= lastSamples ? cutOff : 0;
  }
}
