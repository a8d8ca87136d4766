import { FRAME_HEADER_BYTES, mp3FrameAt, nextChain } from '../../src/lib/preCall/sample/mp3Frames.ts';

/** How loud a recording is, so far: the highest point of each twentieth of a second, from 0 to 1. */
export interface Peaks {
  readonly values: Float32Array;
  /** Of all of it, estimated until it is complete. */
  readonly durationSeconds: number;
  readonly isComplete: boolean;
}

/** Half a minute at 128 kbit/s. What is decoded of it takes about as much, whatever the length of the recording. */
const CHUNK_BYTES = 512 * 1024;
const PEAKS_A_SECOND = 20;
/** Enough to see loud and quiet, and the least that every browser decodes to. */
const SAMPLE_RATE = 8_000;

/**
 * Reads an MP3 piece by piece and decodes each by itself, cut between two frames: a recording of hours never is in memory as a
 * whole, and its beginning is drawn while the rest comes. Tells after each piece.
 *
 * @throws Error when it is not an MP3, or cannot be read.
 */
export async function readPeaks(
  path: string,
  {
    bytes,
    signal,
    tell,
  }: { readonly bytes: number; readonly signal: AbortSignal; readonly tell: (peaks: Peaks) => void },
): Promise<void> {
  const values: number[] = [];
  let seconds = 0;
  let left = new Uint8Array();
  for (let at = 0; at < bytes; at += CHUNK_BYTES) {
    const range = `bytes=${at}-${Math.min(at + CHUNK_BYTES, bytes) - 1}`;
    const response = await fetch(path, { signal, headers: { range } });
    if (response.status !== 206) throw new Error(`The recording cannot be read (${response.status}).`);
    const piece = joined(left, new Uint8Array(await response.arrayBuffer()));
    const { start, end, seconds: length } = wholeFrames(piece, at + CHUNK_BYTES >= bytes);
    left = piece.slice(end);
    if (end > start) {
      const samples = await decode(piece.slice(start, end).buffer);
      const until = Math.round((seconds + length) * PEAKS_A_SECOND);
      addPeaks(values, samples, until - values.length);
      seconds += length;
    }
    if (seconds === 0 && at > 0) throw new Error('This is not an MP3 that could be drawn.');
    const isComplete = at + CHUNK_BYTES >= bytes;
    const isDone = at + CHUNK_BYTES - left.length;
    tell({
      values: Float32Array.from(values),
      durationSeconds: isComplete ? seconds : (seconds * bytes) / isDone,
      isComplete,
    });
  }
}

/** From the first frame to the end of the last whole one, and how long it takes to play them. */
function wholeFrames(piece: Uint8Array, isLast: boolean): { start: number; end: number; seconds: number } {
  const start = nextChain(piece, 0);
  if (start === -1) return { start: 0, end: 0, seconds: 0 };
  let seconds = 0;
  let end = start;
  for (let at = start; at + FRAME_HEADER_BYTES <= piece.length; ) {
    const frame = mp3FrameAt(piece, at);
    if (frame === undefined) {
      const next = nextChain(piece, at + 1); // between two recordings, or damaged
      if (next === -1) break;
      at = next;
      continue;
    }
    if (at + frame.bytes > piece.length && !isLast) break;
    seconds += frame.samples / frame.sampleRate;
    at += frame.bytes;
    end = Math.min(at, piece.length);
  }
  return { start, end, seconds };
}

/** The samples of all channels, one after the other; none when the browser cannot decode the piece. */
async function decode(bytes: ArrayBuffer): Promise<readonly Float32Array[]> {
  try {
    const buffer = await new OfflineAudioContext(1, 1, SAMPLE_RATE).decodeAudioData(bytes);
    return Array.from({ length: buffer.numberOfChannels }, (_, channel) => buffer.getChannelData(channel));
  } catch {
    return [];
  }
}

function addPeaks(values: number[], channels: readonly Float32Array[], count: number): void {
  const samples = channels[0]?.length ?? 0;
  for (let peak = 0; peak < count; peak++) {
    const from = Math.floor((peak * samples) / count);
    const to = Math.floor(((peak + 1) * samples) / count);
    let highest = 0;
    for (const channel of channels) {
      for (let at = from; at < to; at++) highest = Math.max(highest, Math.abs(channel[at] ?? 0));
    }
    values.push(Math.min(1, highest));
  }
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
