import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { measure } from '../../../../src/lib/preCall/sample/measure.ts';
import { checkSample, prepareSampleChecks, SampleError } from '../../../../src/lib/preCall/sample/sample.ts';
import { SampleMeter } from '../../../../src/lib/preCall/sample/sampleMeter.ts';
import { oggFile, paged, pagesOf } from './oggFile.ts';

const LIMITS = { maxBytes: 10 * 1024 * 1024, minSeconds: 3 };
const file = (name: string) => new Uint8Array(readFileSync(`examples/voice-samples/${name}`));

const check = (bytes: Uint8Array, declaredSeconds?: number) => checkSample(bytes, LIMITS, declaredSeconds);

async function reasonOf(bytes: Uint8Array): Promise<string> {
  try {
    await check(bytes);
    return 'accepted';
  } catch (error) {
    if (error instanceof SampleError) return error.code;
    throw error;
  }
}

function join(...parts: (Uint8Array | string)[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))));
}

/** A WAV file of silence, as long as it says unless told otherwise. */
function wav(seconds: number, { sampleRate = 16_000, declaredBytes = -1, factSamples = -1 } = {}): Uint8Array {
  const data = Buffer.alloc(Math.round(seconds * sampleRate) * 2);
  const format = Buffer.alloc(24);
  format.write('fmt ');
  format.writeUInt32LE(16, 4);
  format.writeUInt16LE(1, 8);
  format.writeUInt16LE(1, 10);
  format.writeUInt32LE(sampleRate, 12);
  format.writeUInt32LE(sampleRate * 2, 16);
  format.writeUInt16LE(2, 20);
  format.writeUInt16LE(16, 22);
  const fact = Buffer.alloc(factSamples < 0 ? 0 : 12);
  if (factSamples >= 0) {
    fact.write('fact');
    fact.writeUInt32LE(4, 4);
    fact.writeUInt32LE(factSamples, 8);
  }
  const size = (bytes: number) => {
    const word = Buffer.alloc(4);
    word.writeUInt32LE(bytes);
    return word;
  };
  const dataBytes = declaredBytes < 0 ? data.length : declaredBytes;
  const riffBytes = Math.min(0xffffffff, 4 + format.length + fact.length + 8 + dataBytes);
  return join('RIFF', size(riffBytes), 'WAVE', format, fact, 'data', size(dataBytes), data);
}

describe('samples that may be cloned', () => {
  const good: [string, object][] = [
    ['sample.wav', { format: 'wav', contentType: 'audio/wav', extension: 'wav' }],
    ['sample.mp3', { format: 'mp3', contentType: 'audio/mpeg', extension: 'mp3' }],
    ['sample-vbr.mp3', { format: 'mp3', contentType: 'audio/mpeg', extension: 'mp3' }],
    ['sample-vorbis.ogg', { format: 'ogg', contentType: 'audio/ogg', extension: 'ogg' }],
    ['sample-opus.ogg', { format: 'ogg', contentType: 'audio/ogg', extension: 'ogg' }],
  ];
  test.each(good)('%s', async (name, kind) => {
    const sample = await check(file(name));
    expect(sample).toMatchObject({ ...kind, declarationDisagrees: false });
    // LAME's file of 32 kbit/s has no room for the tag that says how much was added.
    expect(sample.durationSeconds).toBe(name === 'sample.mp3' ? 5.076 : 5);
  });

  test('an MP3 file with a tag before and after the audio', async () => {
    const before = join('ID3', new Uint8Array([4, 0, 0, 0, 0, 15, 0x7f]), new Uint8Array(15 * 128 + 127));
    const sample = await check(join(before, file('sample.mp3'), 'TAG', new Uint8Array(125)));
    expect(sample.durationSeconds).toBe(5.076);
  });

  test('an MP3 recording that begins within a frame', async () => {
    expect((await check(file('sample.mp3').subarray(50))).durationSeconds).toBe(5.04);
  });

  test('a WAV stream whose header was written before its length was known', async () => {
    expect((await check(wav(4, { declaredBytes: 0xffffffff }))).durationSeconds).toBeCloseTo(4, 1);
  });

  test('exactly as long as the limit', async () => {
    expect(await check(wav(3))).toMatchObject({ durationSeconds: 3 });
    expect(await check(wav(180, { sampleRate: 8000 }))).toMatchObject({ durationSeconds: 180 });
  });

  test('views of a larger buffer', async () => {
    const whole = join('garbage', file('sample.wav'));
    expect((await check(whole.subarray('garbage'.length))).durationSeconds).toBe(5);
  });

  test('the bytes stay with the caller', async () => {
    const bytes = file('sample.wav');
    await check(bytes);
    expect(Buffer.compare(bytes, file('sample.wav'))).toBe(0);
  });
});

describe('what the sender declares', () => {
  test.each([
    [5, false],
    [5.4, false],
    [4.5, false],
    [6, true],
    [3600, true],
    [0, true],
    [Number.NaN, true],
  ])('%d seconds for 5: disagrees %s', async (declared, disagrees) => {
    expect(await check(file('sample.wav'), declared)).toMatchObject({
      durationSeconds: 5,
      declarationDisagrees: disagrees,
    });
  });

  test('cannot make a short sample long', async () => {
    await expect(check(file('too-short.wav'), 5)).rejects.toMatchObject({ code: 'sample_too_short' });
  });
});

describe('samples that are refused', () => {
  test('messages name the limit', async () => {
    await expect(check(file('too-short.wav'))).rejects.toMatchObject({
      code: 'sample_too_short',
      status: 400,
      message: 'Voice sample too short (min 3 seconds required)',
    });
    await expect(checkSample(file('sample.wav'), { ...LIMITS, maxBytes: 1_572_864 / 16 })).rejects.toMatchObject({
      code: 'sample_too_large',
      message: 'Voice sample too large (max 0.09 MB allowed)',
    });
    await expect(check(wav(181, { sampleRate: 8000 }))).rejects.toMatchObject({
      code: 'sample_too_long',
      message: 'Voice sample too long (max 180 seconds allowed)',
    });
  });

  const zeros = new Uint8Array(100_000);
  const noise = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7919 + (index >> 3) * 104_729) & 0xff);
  const cases: [string, Uint8Array, string][] = [
    ['nothing', new Uint8Array(0), 'sample_unsupported_format'],
    ['one byte', new Uint8Array([0xff]), 'sample_unsupported_format'],
    ['zeros', zeros, 'sample_unsupported_format'],
    ['noise', noise, 'sample_unsupported_format'],
    ['HTML', join('<!doctype html><title>Not found</title>'), 'sample_unsupported_format'],
    ['a FLAC file', join('fLaC', zeros), 'sample_unsupported_format'],
    ['an MP4 file', join(new Uint8Array([0, 0, 0, 24]), 'ftypM4A ', zeros), 'sample_unsupported_format'],
    ['a WebM file', join(new Uint8Array([0x1a, 0x45, 0xdf, 0xa3]), zeros), 'sample_unsupported_format'],
    ['RIFF that is not WAVE', join('RIFF', zeros.subarray(4, 8), 'AVI ', zeros), 'sample_unsupported_format'],
    ['AAC', repeat([0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f, 0xfc], 500), 'sample_unsupported_format'],
    ['MP3 of layer II', repeat([0xff, 0xfd, 0x94, 0x00], 500, 522), 'sample_unsupported_format'],
    ['Ogg with another codec', join(oggPage('Speex   '), zeros), 'sample_unsupported_format'],
    ['Ogg that ends in its first page', file('sample-opus.ogg').subarray(0, 47), 'sample_undecodable'],
    ['half an Ogg header', file('sample-vorbis.ogg').subarray(0, 20), 'sample_unsupported_format'],
    ['a WAV header alone', file('sample.wav').subarray(0, 44), 'sample_undecodable'],
    ['half a WAV header', file('sample.wav').subarray(0, 20), 'sample_undecodable'],
    ['a tag without audio', join('ID3', new Uint8Array(100)), 'sample_undecodable'],
    [
      'a tag that declares a gigabyte',
      join('ID3', new Uint8Array([4, 0, 0, 127, 127, 127, 127])),
      'sample_undecodable',
    ],
    ['half a second of MP3', file('sample.mp3').subarray(0, 2016), 'sample_too_short'],
    ['MP3 cut off after two seconds', file('sample.mp3').subarray(0, 8000), 'sample_too_short'],
    [
      'VBR MP3 cut off, whose header declares the whole',
      file('sample-vbr.mp3').subarray(0, 12_000),
      'sample_too_short',
    ],
    ['WAV cut off after two seconds', file('sample.wav').subarray(0, 64_044), 'sample_too_short'],
    ['WAV that declares more samples than it holds', wav(1, { factSamples: 16_000 * 60 }), 'sample_too_short'],
    ['Opus cut off after two seconds', file('sample-opus.ogg').subarray(0, 6000), 'sample_too_short'],
    ['Vorbis cut off after two seconds', file('sample-vorbis.ogg').subarray(0, 9000), 'sample_too_short'],
    ['MP3 frames in a sea of something else', join(file('sample.mp3'), zeros), 'sample_undecodable'],
  ];
  test.each(cases)('%s', async (_name, bytes, reason) => {
    expect(await reasonOf(bytes)).toBe(reason);
  });

  test('samples cut off anywhere are refused or measured, never an error', async () => {
    for (const name of ['sample.wav', 'sample.mp3', 'sample-vbr.mp3', 'sample-vorbis.ogg', 'sample-opus.ogg']) {
      const bytes = file(name);
      for (let end = 1; end < bytes.length; end = Math.ceil(end * 1.7)) {
        expect(await reasonOf(bytes.subarray(0, end))).toMatch(/^(accepted|sample_\w+)$/);
      }
    }
  });
});

describe('hostile samples', () => {
  const ones = new Uint8Array(8 * 1024 * 1024).fill(0xff);

  const hostile: [string, Uint8Array][] = [
    ['a run of 0xff', ones],
    ['a run of 0xff after a tag', join('ID3', new Uint8Array(7), ones)],
    ['a run of 0xff after honest MP3', join(file('sample.mp3'), ones)],
    ['a run of 0xff in a WAV file', join(wav(4).subarray(0, 36), ones)],
    ['a run of 0xff after a second of honest Ogg', join(file('sample-opus.ogg').subarray(0, 5000), ones)],
    ['a hundred thousand Ogg streams', repeatBytes(oggPage('OpusHead'), 100_000)],
    [
      'a million Ogg pages that overlap',
      join(file('sample-opus.ogg').subarray(0, 1000), repeatBytes(join('OggS'), 1_000_000)),
    ],
    ['an Ogg packet of eight megabytes', oggPacket(8 * 1024 * 1024)],
    ['a million tags', repeatBytes(join('ID3', new Uint8Array(7)), 800_000)],
    [
      'a million WAV chunks',
      join('RIFF', ones.subarray(0, 4), 'WAVE', repeatBytes(join('junk', new Uint8Array(4)), 1_000_000)),
    ],
    [
      'a million empty WAV data chunks',
      join(wav(4).subarray(0, 36), repeatBytes(join('data', new Uint8Array(4)), 1_000_000), new Uint8Array(9)),
    ],
  ];
  test.each(hostile)('%s is refused in time, and nothing else waits', async (_name, bytes) => {
    prepareSampleChecks();
    await check(file('sample.wav'));
    // A machine that stands still does not do so three times.
    for (let tries = 1; ; tries++) {
      const idle = longestPause();
      expect(await reasonOf(bytes)).toMatch(/^sample_/);
      const pauseMs = await idle.stop();
      if (pauseMs < 500) break;
      expect(tries, `a pause of ${pauseMs} ms`).toBeLessThan(3);
    }
  });

  test('a thread that takes too long is ended, and the next sample finds another one', async () => {
    const meter = new SampleMeter({ sampleMs: 300, threads: 1 });
    // Each begins a page of nine kilobytes whose checksum is wrong: a minute of work.
    const pages = repeatBytes(join('OggS'), 2_500_000);
    const [slow, honest] = await Promise.all([meter.measure(pages, 'ogg'), meter.measure(file('sample.wav'), 'wav')]);
    expect(slow).toBeUndefined();
    expect(honest).toEqual({ durationSeconds: 5, sampleRate: 16_000 });
    await meter.close();
  });

  test('more samples at once than threads are all measured', async () => {
    const meter = new SampleMeter({ threads: 2 });
    const all = await Promise.all(Array.from({ length: 50 }, () => meter.measure(file('sample.mp3'), 'mp3')));
    expect(new Set(all.map((measured) => measured?.durationSeconds))).toEqual(new Set([5.076]));
    await meter.close();
  });

  test('a meter goes on after its threads were ended', async () => {
    const meter = new SampleMeter();
    await meter.measure(file('sample.wav'), 'wav');
    await meter.close();
    expect(await meter.measure(file('sample.wav'), 'wav')).toMatchObject({ durationSeconds: 5 });
    await meter.close();
  });

  test('a thread that cannot start is our fault, not that of the sample', async () => {
    const meter = new SampleMeter({ startMs: 0 });
    await expect(meter.measure(file('sample.wav'), 'wav')).rejects.toThrow();
  });
});

test('what runs in the thread measures the same outside of it', () => {
  expect(measure(file('sample.wav'), 'wav')).toEqual({ durationSeconds: 5, sampleRate: 16_000 });
  expect(measure(file('sample.mp3'), 'mp3')).toEqual({ durationSeconds: 5.076, sampleRate: 16_000 });
  expect(measure(file('sample-vorbis.ogg'), 'ogg')).toEqual({ durationSeconds: 5, sampleRate: 16_000 });
  expect(measure(file('sample.wav'), 'mp3')).toBeUndefined();
  expect(measure(new Uint8Array(2), 'wav')).toBeUndefined();
});

/** How long this thread was kept busy at a stretch. */
function longestPause(): { stop(): Promise<number> } {
  let isRunning = true;
  const measured = (async () => {
    let longest = 0;
    for (let last = performance.now(); isRunning; last = performance.now()) {
      await sleep(5);
      longest = Math.max(longest, performance.now() - last);
    }
    return longest;
  })();
  return {
    stop: () => {
      isRunning = false;
      return measured;
    },
  };
}

function repeatBytes(part: Uint8Array, times: number): Uint8Array {
  const all = new Uint8Array(part.length * times);
  for (let index = 0; index < times; index++) all.set(part, index * part.length);
  return all;
}

function repeat(start: readonly number[], times: number, length = 67): Uint8Array {
  const frame = new Uint8Array(length);
  frame.set(start);
  return repeatBytes(frame, times);
}

/** Opus whose first packet of audio goes on over as many pages as it takes. */
function oggPacket(length: number): Uint8Array {
  const [head, tags] = pagesOf(file('sample-opus.ogg'));
  if (head === undefined || tags === undefined) throw new Error('an empty file');
  return oggFile(paged([head.content, tags.content, new Uint8Array(length)]));
}

let serial = 0;

/** The first page of an Ogg stream of its own. */
function oggPage(codec: string): Uint8Array {
  const content = Buffer.alloc(19);
  content.write(codec, 'latin1');
  const header = Buffer.alloc(28);
  header.write('OggS');
  header[5] = 2;
  header.writeUInt32LE(serial++, 14);
  header[26] = 1;
  header[27] = content.length;
  return join(header, content);
}
