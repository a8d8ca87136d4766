import { type Measured, measured } from './measured.ts';
import { FRAME_HEADER_BYTES, findMp3Audio, type Mp3Frame, mp3FrameAt, nextChain } from './mp3Frames.ts';
import { type Mp3Info, mp3InfoAt } from './mp3Info.ts';

/**
 * Counts the frames. A header can declare any duration (that of a VBR file stays as it is when the file is cut off, and a constant
 * rate is only a guess from the first frames), so this is the one measure that holds. What an encoder put around the audio is
 * taken off. Undefined when most of the bytes are not frames.
 */
export function measureMp3(bytes: Uint8Array): Measured | undefined {
  const firstFrameAt = findMp3Audio(bytes);
  if (firstFrameAt === undefined) return undefined;
  const count = new FrameCount();
  let frameBytes = 0;
  let at = firstFrameAt;
  while (at !== -1 && at + FRAME_HEADER_BYTES <= bytes.length && !isTrailer(bytes, at)) {
    const frame = mp3FrameAt(bytes, at);
    if (frame === undefined) {
      at = nextChain(bytes, at + 1);
      continue;
    }
    if (at + frame.bytes > bytes.length) break; // the last one was cut off
    count.add(frame, mp3InfoAt(bytes, at, frame));
    frameBytes += frame.bytes;
    at += frame.bytes;
  }
  const end = at === -1 ? bytes.length : at;
  if (frameBytes * 2 <= end - firstFrameAt) return undefined;
  return measured(count.seconds(), mp3FrameAt(bytes, firstFrameAt)?.sampleRate ?? 0);
}

/** Seconds of the frames so far. Each info frame begins a part of its own, as in files that were put together. */
class FrameCount {
  #done = 0;
  #part = 0;
  #frames = 0;
  #info: (Mp3Info & { readonly sampleRate: number }) | undefined;

  add({ samples, sampleRate }: Mp3Frame, info: Mp3Info | undefined): void {
    if (info !== undefined) {
      this.#done = this.seconds();
      this.#part = 0;
      this.#frames = 0;
      this.#info = { ...info, sampleRate };
      return;
    }
    this.#part += samples / sampleRate;
    this.#frames += 1;
  }

  seconds(): number {
    return this.#done + Math.max(0, this.#part - this.#aroundAudio());
  }

  /** A file that was cut off has lost the padding, which is at its end. */
  #aroundAudio(): number {
    if (this.#info === undefined) return 0;
    const { frames = 0, delaySamples, paddingSamples, sampleRate } = this.#info;
    return (delaySamples + (this.#frames < frames ? 0 : paddingSamples)) / sampleRate;
  }
}

/** ID3v1, APEv2 and Lyrics3 stand after the audio. */
function isTrailer(bytes: Uint8Array, at: number): boolean {
  const word = String.fromCharCode(...bytes.subarray(at, at + 3));
  return word === 'TAG' || word === 'APE' || word === 'LYR';
}
