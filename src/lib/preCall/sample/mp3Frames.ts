/** The header of one frame. */
export interface Mp3Frame {
  readonly bytes: number;
  readonly samples: number;
  readonly sampleRate: number;
  /** Between the header and the audio of the frame; its checksum not counted. */
  readonly sideBytes: number;
}

export const FRAME_HEADER_BYTES = 4;
const ID3_HEADER_BYTES = 10;
/** How far into a file a frame may begin: a cut recording begins in the middle of one. */
const SEARCH_BYTES = 4 * 1024;
/** The same after an ID3 tag, whose padding may be longer than it declares. FFmpeg looks as far (libavformat/mp3dec.c, mp3_read_header). */
const SEARCH_AFTER_TAG_BYTES = 64 * 1024;
/** So many headers in a row are not an accident. */
const CHAIN = 3;

// Layer III only; index 0 (free format) and 15 are not rates (ISO/IEC 11172-3 §2.4.2.3, 13818-3).
const KILOBITS_MPEG1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const KILOBITS_MPEG2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const SAMPLE_RATES: Readonly<Record<number, readonly number[]>> = {
  0: [11025, 12000, 8000], // MPEG 2.5
  2: [22050, 24000, 16000], // MPEG 2
  3: [44100, 48000, 32000], // MPEG 1
};

/** Where the first frame is, after any ID3 tags; undefined when there is none near. */
export function findMp3Audio(bytes: Uint8Array): number | undefined {
  const start = endOfTags(bytes);
  const found = nextChain(bytes, start, start + (start === 0 ? SEARCH_BYTES : SEARCH_AFTER_TAG_BYTES));
  return found === -1 ? undefined : found;
}

/** ID3v2 gives its length in four bytes of seven bits each (id3.org, ID3v2.4 §3.1). */
function endOfTags(bytes: Uint8Array): number {
  let at = 0;
  while (bytes[at] === 0x49 && bytes[at + 1] === 0x44 && bytes[at + 2] === 0x33) {
    const size = [6, 7, 8, 9].reduce((sum, index) => sum * 128 + ((bytes[at + index] ?? 0) & 0x7f), 0);
    at += ID3_HEADER_BYTES + size;
  }
  return at;
}

/** The first place from which on frames follow each other; -1 when there is none before `end`. */
export function nextChain(bytes: Uint8Array, from: number, end = bytes.length): number {
  for (let at = bytes.indexOf(0xff, from); at !== -1 && at < end; at = bytes.indexOf(0xff, at + 1)) {
    if (isChain(bytes, at)) return at;
  }
  return -1;
}

function isChain(bytes: Uint8Array, from: number): boolean {
  const first = mp3FrameAt(bytes, from);
  let frame = first;
  let at = from;
  for (let count = 1; count < CHAIN; count++) {
    if (frame === undefined || frame.sampleRate !== first?.sampleRate) return false;
    at += frame.bytes;
    if (at + FRAME_HEADER_BYTES > bytes.length) return count > 1; // one header alone may be an accident
    frame = mp3FrameAt(bytes, at);
  }
  return frame !== undefined && frame.sampleRate === first?.sampleRate;
}

export function mp3FrameAt(bytes: Uint8Array, at: number): Mp3Frame | undefined {
  const kind = bytes[at + 1] ?? 0;
  const rates = bytes[at + 2] ?? 0;
  if (bytes[at] !== 0xff || (kind & 0xe6) !== 0xe2) return undefined; // eleven bits of sync, layer III
  const version = (kind >> 3) & 3;
  const isMpeg1 = version === 3;
  const kilobits = (isMpeg1 ? KILOBITS_MPEG1 : KILOBITS_MPEG2)[rates >> 4];
  const sampleRate = SAMPLE_RATES[version]?.[(rates >> 2) & 3];
  if (!kilobits || sampleRate === undefined) return undefined;
  const samples = isMpeg1 ? 1152 : 576;
  const isMono = (bytes[at + 3] ?? 0) >> 6 === 3;
  return {
    bytes: Math.floor((samples * kilobits * 125) / sampleRate) + ((rates >> 1) & 1),
    samples,
    sampleRate,
    sideBytes: isMpeg1 ? (isMono ? 17 : 32) : isMono ? 9 : 17,
  };
}
