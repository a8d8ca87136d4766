import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { audioFormatOf } from '../../../../src/lib/preCall/sample/audioFormat.ts';
import { measureMp3 } from '../../../../src/lib/preCall/sample/measureMp3.ts';
import { joined } from './wavFile.ts';

const read = (path: string) => new Uint8Array(readFileSync(path));
const vbr = read('examples/voice-samples/sample-vbr.mp3');
const withoutTag = read('examples/voice-samples/sample.mp3');
const made = (name: string) => read(`tests/lib/preCall/sample/files/${name}`);

const seconds = (bytes: Uint8Array) => measureMp3(bytes)?.durationSeconds;

/** MPEG 1, layer III, 128 kbit/s, 48 kHz, mono: 384 bytes, 24 ms. */
const FRAME_SECONDS = 0.024;
function frame(text = '', at = 4 + 17): Uint8Array {
  const bytes = Buffer.alloc(384);
  bytes.set([0xff, 0xfb, 0x94, 0xc4]);
  bytes.write(text, at, 'latin1');
  return bytes;
}

const frames = (count: number) => joined(...Array.from({ length: count }, () => frame()));

interface Tag {
  readonly word?: string;
  readonly encoder?: string;
  readonly frames?: number | undefined;
  readonly delay?: number;
  readonly padding?: number;
  readonly at?: number;
  /** Of the members after the number of frames. */
  readonly flags?: number;
}

/** A frame as LAME puts before the audio. */
function infoFrame({
  word = 'Info',
  encoder = 'LAME3.100',
  frames: count,
  delay = 0,
  padding = 0,
  at = 21,
  flags = 0,
}: Tag) {
  const bytes = Buffer.from(frame(word, at));
  bytes[at + 7] = flags + Number(count !== undefined);
  let end = at + 8;
  if (count !== undefined) end = bytes.writeUInt32BE(count, end);
  end += [2, 4, 8].reduce((sum, flag, index) => sum + ((flags & flag) !== 0 ? ([4, 100, 4][index] ?? 0) : 0), 0);
  bytes.write(encoder, end, 'latin1');
  bytes.writeUIntBE(delay * 4096 + padding, end + 21, 3);
  return new Uint8Array(bytes);
}

function id3(size: number): Uint8Array {
  const sizes = [21, 14, 7, 0].map((shift) => (size >> shift) & 0x7f);
  return joined('ID3', new Uint8Array([4, 0, 0, ...sizes]), new Uint8Array(size));
}

describe('what an encoder put around the audio', () => {
  test('is not audio: what LAME and FFmpeg encoded is as long as before', () => {
    expect(measureMp3(vbr)).toEqual({ durationSeconds: 5, sampleRate: 16_000 });
    expect(seconds(made('lame-vbr.mp3'))).toBe(1.3);
    expect(seconds(made('ffmpeg-lame.mp3'))).toBe(1.3);
  });

  test('without a tag nobody knows: all frames count', () => {
    expect(seconds(withoutTag)).toBe(5.076);
  });

  const hundred = frames(100);
  const tags: [string, Tag, number][] = [
    ['nothing', {}, 2.4],
    ['a delay', { delay: 480, frames: 100 }, 2.39],
    ['padding', { padding: 480, frames: 100 }, 2.39],
    ['both', { delay: 4_080, padding: 720, frames: 100 }, 2.3],
    ['as much as there can be', { delay: 4_095, padding: 4_095, frames: 100 }, 2.229],
    ['both, of FFmpeg', { encoder: 'Lavc60.31', delay: 1_200, padding: 1_200, frames: 100 }, 2.35],
    ['both, of an older FFmpeg', { encoder: 'Lavf58', delay: 1_200, padding: 1_200, frames: 100 }, 2.35],
    ['both, with every other member', { delay: 1_200, padding: 1_200, frames: 100, flags: 14 }, 2.35],
    ['both, with a variable rate', { word: 'Xing', delay: 1_200, padding: 1_200, frames: 100 }, 2.35],
    ['both, after a checksum', { at: 23, delay: 1_200, padding: 1_200, frames: 100 }, 2.35],
    ['both, without the number of frames', { delay: 1_200, padding: 1_200 }, 2.35],
    ['both, of who knows whom', { encoder: 'Gogo', delay: 1_200, padding: 1_200, frames: 100 }, 2.4],
    ['a number of frames that is too small', { delay: 1_200, padding: 1_200, frames: 5 }, 2.35],
    ['more frames than there are, as after a cut', { delay: 1_200, padding: 1_200, frames: 101 }, 2.375],
  ];
  test.each(tags)('of which the tag declares %s', (_what, tag, expected) => {
    expect(seconds(joined(infoFrame(tag), hundred))).toBe(expected);
  });

  test('the frame with the tag is not audio, whoever wrote it', () => {
    expect(seconds(joined(frame('Xing'), hundred))).toBe(2.4);
    expect(seconds(joined(frame('Info'), hundred))).toBe(2.4);
    expect(seconds(joined(frame('VBRI', 36), hundred))).toBe(2.4);
    expect(seconds(joined(frame('Else'), hundred))).toBe(2.424);
    expect(seconds(joined(...Array.from({ length: 100 }, () => infoFrame({}))))).toBeUndefined();
  });

  test('files that follow each other add up', () => {
    const one = joined(infoFrame({ delay: 1_200, padding: 1_200, frames: 100 }), hundred);
    expect(seconds(joined(one, one))).toBe(4.7);
    expect(seconds(joined(vbr, id3(1_000), vbr))).toBe(10);
  });

  test('is never more than there is', () => {
    expect(measureMp3(joined(infoFrame({ delay: 4_095, padding: 4_095 }), frames(4)))).toBeUndefined();
  });
});

describe('padding after a tag', () => {
  test.each([0, 1, 100, 4_096, 10_000, 60_000])('of %d bytes that it does not declare is passed over', (length) => {
    const file = joined(id3(1_000), new Uint8Array(length), vbr);
    expect(audioFormatOf(file)).toBe('mp3');
    expect(seconds(file)).toBe(5);
  });

  test('is passed over within a bound', () => {
    expect(measureMp3(joined(id3(1_000), new Uint8Array(66_000), vbr))).toBeUndefined();
  });

  test('without a tag is not MP3', () => {
    expect(audioFormatOf(joined(new Uint8Array(4_000), vbr))).toBe('mp3');
    expect(audioFormatOf(joined(new Uint8Array(5_000), vbr))).toBeUndefined();
  });
});

describe('frames', () => {
  test('go on after something else', () => {
    expect(seconds(joined(frames(100), new Uint8Array(1_000), frames(50)))).toBe(3.6);
    expect(seconds(joined(frames(100), new Uint8Array(1_000)))).toBe(2.4);
    expect(measureMp3(joined(frames(100), new Uint8Array(40_000)))).toBeUndefined();
  });

  test('of which the last one is cut off end before it', () => {
    expect(seconds(frames(100).subarray(0, -1))).toBe(2.376);
  });

  test('of several rates each last their own time', () => {
    const slow = frame(); // the same at 32 kHz: 576 bytes
    slow[2] = 0x98;
    const slowFrames = Array.from({ length: 50 }, () => joined(slow, new Uint8Array(192)));
    expect(measureMp3(joined(frames(100), ...slowFrames))).toEqual({ durationSeconds: 4.2, sampleRate: 48_000 });
  });

  test.each(['TAG', 'APETAGEX', 'LYRICSBEGIN'])('end where %s begins', (word) => {
    expect(seconds(joined(frames(100), word, new Uint8Array(100_000)))).toBe(2.4);
  });
});

test('frames of any number last as long, whatever a tag declares', () => {
  const tag = fc.record({
    delay: fc.nat(4_095),
    padding: fc.nat(4_095),
    frames: fc.option(fc.nat(0xffff_ffff), { nil: undefined }),
    flags: fc.constantFrom(0, 2, 4, 8, 14),
  });
  fc.assert(
    fc.property(fc.integer({ min: 10, max: 200 }), tag, (count, declared) => {
      const found = seconds(joined(infoFrame(declared), frames(count))) ?? 0;
      const isCut = declared.frames !== undefined && count < declared.frames;
      const around = (declared.delay + (isCut ? 0 : declared.padding)) / 48_000;
      expect(found).toBeCloseTo(count * FRAME_SECONDS - around, 2);
    }),
  );
});

test('any bytes are measured or refused, never an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(vbr.length), (noise, at) => {
      measureMp3(joined(Uint8Array.of(0xff, 0xfb), noise));
      measureMp3(joined(vbr.subarray(0, at), noise, vbr.subarray(at)));
    }),
  );
});
