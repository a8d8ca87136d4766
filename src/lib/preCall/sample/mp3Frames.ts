/** What the frames of an MP3 file add up to. */
export interface Mp3Audio {
  readonly firstFrameAt: number;
  readonly durationSeconds: number;
}

interface Frame {
  readonly bytes: number;
  readonly samples: number;
  readonly sampleRate: number;
}

const HEADER_BYTES = 4;
const ID3_HEADER_BYTES = 10;
/** How far after its tags a file may begin in the middle of a frame, as a cut recording does. */
const SEARCH_BYTES = 4096;
/** Headers in a row that are no accident. */
const CHAIN = 3;

// Layer III only; index 0 (free format) and 15 are no rates (ISO/IEC 11172-3 §2.4.2.3, 13818-3).
const KILOBITS_MPEG1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const KILOBITS_MPEG2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const SAMPLE_RATES: Readonly<Record<number, readonly number[]>> = {
  0: [11025, 12000, 8000], // MPEG 2.5
  2: [22050, 24000, 16000], // MPEG 2
  3: [44100, 48000, 32000], // MPEG 1
};

/**
 * Counts the frames. A header can claim any duration (a VBR header stays as it is in a file that was cut off, and a constant
 * rate is only a guess from the first frames), so this is the one measure that holds. It takes time in proportion to the
 * length, whatever the bytes are. Undefined when most of the bytes are no frames.
 */
export function measureMp3(bytes: Uint8Array): Mp3Audio | undefined {
  const firstFrameAt = findMp3Audio(bytes);
  if (firstFrameAt === undefined) return undefined;
  let audioBytes = 0;
  let durationSeconds = 0;
  let at = firstFrameAt;
  while (at !== -1 && at + HEADER_BYTES <= bytes.length && !isTrailer(bytes, at)) {
    const frame = frameAt(bytes, at);
    if (frame === undefined) {
      at = nextChain(bytes, at + 1, bytes.length);
      continue;
    }
    at += frame.bytes;
    if (at > bytes.length) break; // the last one was cut off
    audioBytes += frame.bytes;
    durationSeconds += frame.samples / frame.sampleRate;
  }
  const end = at === -1 ? bytes.length : Math.min(at, bytes.length);
  return audioBytes * 2 > end - firstFrameAt ? { firstFrameAt, durationSeconds } : undefined;
}

/** Where the first frame stands, after any ID3 tags; undefined when there is none near. */
export function findMp3Audio(bytes: Uint8Array): number | undefined {
  const start = endOfTags(bytes);
  const found = nextChain(bytes, start, Math.min(bytes.length, start + SEARCH_BYTES));
  return found === -1 ? undefined : found;
}

/** ID3v2 says its length in four bytes of seven bits each (id3.org, ID3v2.4 §3.1). */
function endOfTags(bytes: Uint8Array): number {
  let at = 0;
  while (bytes[at] === 0x49 && bytes[at + 1] === 0x44 && bytes[at + 2] === 0x33) {
    const size = [6, 7, 8, 9].reduce((sum, index) => sum * 128 + ((bytes[at + index] ?? 0) & 0x7f), 0);
    at += ID3_HEADER_BYTES + size;
  }
  return at;
}

/** The first place from which on frames follow each other; -1 when there is none before `end`. */
function nextChain(bytes: Uint8Array, from: number, end: number): number {
  for (let at = bytes.indexOf(0xff, from); at !== -1 && at < end; at = bytes.indexOf(0xff, at + 1)) {
    if (isChain(bytes, at)) return at;
  }
  return -1;
}

function isChain(bytes: Uint8Array, from: number): boolean {
  const first = frameAt(bytes, from);
  let frame = first;
  let at = from;
  for (let count = 1; count < CHAIN; count++) {
    if (frame === undefined || frame.sampleRate !== first?.sampleRate) return false;
    at += frame.bytes;
    if (at + HEADER_BYTES > bytes.length) return count > 1; // one header alone may be an accident
    frame = frameAt(bytes, at);
  }
  return frame !== undefined && frame.sampleRate === first?.sampleRate;
}

function frameAt(bytes: Uint8Array, at: number): Frame | undefined {
  const kind = bytes[at + 1] ?? 0;
  const rates = bytes[at + 2] ?? 0;
  if (bytes[at] !== 0xff || (kind & 0xe6) !== 0xe2) return undefined; // eleven bits of sync, layer III
  const version = (kind >> 3) & 3;
  const kilobits = (version === 3 ? KILOBITS_MPEG1 : KILOBITS_MPEG2)[rates >> 4];
  const sampleRate = SAMPLE_RATES[version]?.[(rates >> 2) & 3];
  if (!kilobits || sampleRate === undefined) return undefined;
  const samples = version === 3 ? 1152 : 576;
  return { bytes: Math.floor((samples * kilobits * 125) / sampleRate) + ((rates >> 1) & 1), samples, sampleRate };
}

/** ID3v1, APEv2 and Lyrics3 stand after the audio. */
function isTrailer(bytes: Uint8Array, at: number): boolean {
  const word = String.fromCharCode(...bytes.subarray(at, at + 3));
  return word === 'TAG' || word === 'APE' || word === 'LYR';
}
