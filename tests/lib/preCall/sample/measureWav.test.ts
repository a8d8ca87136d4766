import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { audioFormatOf } from '../../../../src/lib/preCall/sample/audioFormat.ts';
import { measureWav } from '../../../../src/lib/preCall/sample/measureWav.ts';
import { chunk, joined, pcm, uint32, type WavOptions, wavFile } from './wavFile.ts';

const seconds = (options: WavOptions) => measureWav(wavFile(options))?.durationSeconds;
const fact = (samples: number) => chunk('fact', uint32(samples));
const bytes = (length: number) => new Uint8Array(length).fill(0x81);

/** WAVEFORMATEXTENSIBLE: the length of the extension, valid bits, channel mask, GUID. */
function extensible(tag: number, guid = '000000001000800000aa00389b71'): Uint8Array {
  return joined(new Uint8Array([22, 0, 16, 0, 0, 0, 0, 0, tag, 0]), Buffer.from(guid, 'hex'));
}

describe('the bytes and how they are packed say how long it is', () => {
  const kinds: [string, WavOptions, number][] = [
    ['PCM of 8 bits', { bits: 8, sampleRate: 8_000, data: bytes(32_000) }, 4],
    ['PCM of 12 bits in two bytes', { bits: 12, blockAlign: 2, data: bytes(128_000) }, 4],
    ['PCM of 24 bits', { bits: 24, data: bytes(192_000) }, 4],
    ['PCM of 24 bits in four bytes', { bits: 24, blockAlign: 4, data: bytes(256_000) }, 4],
    ['PCM in stereo', { channels: 2, data: bytes(256_000) }, 4],
    ['PCM in six channels', { channels: 6, data: bytes(768_000) }, 4],
    ['PCM that does not say how many bits', { bits: 0, blockAlign: 2 }, 4],
    ['float of 32 bits', { tag: 3, bits: 32, data: bytes(256_000) }, 4],
    ['float of 64 bits', { tag: 3, bits: 64, data: bytes(512_000) }, 4],
    ['A-law', { tag: 6, bits: 8, sampleRate: 8_000, data: bytes(32_000) }, 4],
    ['mu-law', { tag: 7, bits: 8, sampleRate: 8_000, data: bytes(32_000) }, 4],
    ['mu-law that says 16 bits', { tag: 7, bits: 16, blockAlign: 1, sampleRate: 8_000, data: bytes(32_000) }, 4],
    ['mu-law that says 0 bits', { tag: 7, bits: 0, blockAlign: 1, sampleRate: 8_000, data: bytes(32_000) }, 4],
    ['mu-law in stereo', { tag: 7, bits: 8, channels: 2, sampleRate: 8_000, data: bytes(64_000) }, 4],
    ['PCM named by a GUID', { tag: 0xfffe, extension: extensible(1) }, 4],
    ['mu-law named by a GUID', { tag: 0xfffe, bits: 8, extension: extensible(7), data: bytes(64_000) }, 4],
    ['MS ADPCM', { tag: 2, bits: 4, blockAlign: 256, sampleRate: 8_000, data: bytes(256 * 16) }, 1],
    [
      'MS ADPCM in stereo',
      { tag: 2, bits: 4, channels: 2, blockAlign: 256, sampleRate: 8_000, data: bytes(4096) },
      0.488,
    ],
    [
      'MS ADPCM cut off in a block',
      { tag: 2, bits: 4, blockAlign: 256, sampleRate: 8_000, data: bytes(4096 + 56) },
      1.013,
    ],
    ['IMA ADPCM', { tag: 17, bits: 4, blockAlign: 256, sampleRate: 8_000, data: bytes(256 * 16) }, 1.01],
    [
      'IMA ADPCM in stereo',
      { tag: 17, bits: 4, channels: 2, blockAlign: 512, sampleRate: 8_000, data: bytes(8192) },
      1.01,
    ],
    ['IMA ADPCM of 3 bits', { tag: 17, bits: 3, blockAlign: 256, sampleRate: 8_000, data: bytes(4096) }, 1.346],
    [
      'IMA ADPCM cut off in a block',
      { tag: 17, bits: 4, blockAlign: 256, sampleRate: 8_000, data: bytes(4096 + 54) },
      1.023,
    ],
    ['GSM 6.10', { tag: 0x31, bits: 0, blockAlign: 65, sampleRate: 8_000, data: bytes(65 * 100) }, 4],
    ['GSM 6.10 cut off in a block', { tag: 0x31, bits: 0, blockAlign: 65, sampleRate: 8_000, data: bytes(6_560) }, 4],
    ['G.729', { tag: 0x83, bits: 0, blockAlign: 10, sampleRate: 8_000, data: bytes(4_000) }, 4],
    ['TrueSpeech', { tag: 0x22, bits: 1, blockAlign: 32, sampleRate: 8_000, data: bytes(32 * 100) }, 3],
    ['OKI ADPCM', { tag: 0x10, bits: 4, blockAlign: 1, sampleRate: 8_000, data: bytes(16_000) }, 4],
    ['G.726 of 40 kbit/s', { tag: 0x45, bits: 5, blockAlign: 5, sampleRate: 8_000, data: bytes(20_000) }, 4],
  ];
  test.each(kinds)('%s', (_kind, options, expected) => {
    expect(seconds(options)).toBe(expected);
  });

  test.each([0x10, 0x17, 0x20, 0x28f])('four bits a sample of format %d', (tag) => {
    expect(seconds({ tag, bits: 4, blockAlign: 1, sampleRate: 8_000, data: bytes(16_001) })).toBe(4);
  });

  test.each([0x14, 0x40, 0x45, 0x64])('as many bits a sample as format %d says', (tag) => {
    const lasts = (bits: number) => seconds({ tag, bits, blockAlign: 1, sampleRate: 8_000, data: bytes(4_000 * bits) });
    expect([1, 2, 3, 4, 5, 6].map(lasts)).toEqual([undefined, 4, 4, 4, 4, undefined]);
  });

  test.each([1, 16_000, 64_000, 176_400, 256_000, 0, 0xffff_ffff])('whatever the byte rate: %d', (byteRate) => {
    expect(seconds({ byteRate })).toBe(4);
  });

  // Recorder.js in mono wrote the block align of stereo; FFmpeg, SoX and libsndfile do not read it for PCM.
  test.each([0, 1, 2, 4])('one channel of 16 bits, whatever the block align: %d', (blockAlign) => {
    expect(seconds({ blockAlign })).toBe(4);
  });

  test.each([0, 1, 63_999, 64_001, 16_000 * 60, 0xffff_ffff])('whatever the fact chunk of PCM: %d', (samples) => {
    expect(seconds({ before: fact(samples) })).toBe(4);
    expect(seconds({ tag: 7, bits: 8, data: bytes(64_000), after: fact(samples) })).toBe(4);
  });

  test('only a fact chunk that ends within the last block is right', () => {
    const adpcm = { tag: 17, bits: 4, blockAlign: 256, sampleRate: 8_000, data: bytes(256 * 16) };
    const lasts = (samples: number) => seconds({ ...adpcm, before: fact(samples) });
    expect(16 * 505).toBe(8_080);
    expect([8_080, 8_000, 7_576].map(lasts)).toEqual([1.01, 1, 0.947]);
    expect([0, 1, 7_575, 8_081, 800_000].map(lasts)).toEqual([1.01, 1.01, 1.01, 1.01, 1.01]);
    expect(seconds({ ...adpcm, after: fact(8_000) })).toBe(1);
    expect(seconds({ ...adpcm, before: chunk('fact', new Uint8Array(2)) })).toBe(1.01);
  });
});

describe('sizes that a writer left as they were', () => {
  const sizes = [0, 0xffff_ffff, 0x7fff_ffff, 0x7fff_f024, 128_036, 200_000];
  test.each(sizes)('%d of data: to the end of the file', (dataBytes) => {
    for (const riffBytes of [0, 36, 0xffff_ffff, 128_036]) expect(seconds({ dataBytes, riffBytes })).toBe(4);
  });

  test('the size of the whole does not matter', () => {
    for (const riffBytes of [0, 4, 36, 1_000, 0xffff_ffff]) expect(seconds({ riffBytes })).toBe(4);
  });

  test('data that is empty before other chunks is empty', () => {
    expect(measureWav(wavFile({ data: pcm(0), after: chunk('LIST', bytes(128_000)) }))).toBeUndefined();
    expect(seconds({ data: pcm(0), after: joined(chunk('LIST', bytes(9)), chunk('data', pcm(4))) })).toBe(4);
  });

  test('data of size 0 that begins like a chunk goes to the end of the file', () => {
    expect(seconds({ data: joined('loud', pcm(4)), dataBytes: 0 })).toBe(4);
    expect(seconds({ data: joined('loud', uint32(1_000), pcm(4)), dataBytes: 0 })).toBe(4);
  });

  test('data that was cut off ends with the file', () => {
    expect(measureWav(wavFile().subarray(0, -64_000))?.durationSeconds).toBe(2);
  });

  test('the sizes of 64 bits in an RF64 file', () => {
    const ds64 = (dataBytes: number) => {
      const content = Buffer.alloc(28);
      content.writeBigUInt64LE(BigInt(dataBytes), 8);
      return chunk('ds64', content);
    };
    const rf64 = (id: string, dataBytes: number) => {
      const file = wavFile({
        riffId: id,
        riffBytes: 0xffff_ffff,
        dataBytes: 0xffff_ffff,
        after: chunk('LIST', bytes(32_000)),
      });
      return joined(file.subarray(0, 12), ds64(dataBytes), file.subarray(12));
    };
    for (const id of ['RF64', 'BW64']) {
      expect(audioFormatOf(rf64(id, 128_000))).toBe('wav');
      expect(measureWav(rf64(id, 128_000))?.durationSeconds).toBe(4);
      expect(measureWav(rf64(id, 0))?.durationSeconds).toBe(5); // not said: to the end
      expect(measureWav(rf64(id, 2 ** 40))?.durationSeconds).toBe(5);
    }
  });
});

describe('the chunks around the data', () => {
  test('are passed over', () => {
    const bext = chunk('bext', bytes(602));
    expect(seconds({ before: joined(bext, chunk('LIST', bytes(26)), chunk('JUNK', bytes(28))) })).toBe(4);
    expect(seconds({ after: joined(chunk('LIST', bytes(32_000)), chunk('id3 ', bytes(32_000))) })).toBe(4);
    expect(seconds({ after: bytes(32_000) })).toBe(4);
  });

  test('of odd size, padded or not', () => {
    expect(seconds({ before: chunk('LIST', bytes(27)) })).toBe(4);
    expect(seconds({ before: joined('LIST', uint32(27), bytes(27)) })).toBe(4);
    expect(seconds({ before: joined('LIST', uint32(27), bytes(27), 'LIST', uint32(27), bytes(27)) })).toBe(4);
    expect(seconds({ before: joined('LIST', uint32(27), bytes(27), new Uint8Array([0x81])) })).toBe(4);
  });

  test('data in several chunks adds up', () => {
    expect(seconds({ data: pcm(1.5), after: joined(chunk('LIST', bytes(10)), chunk('data', pcm(2.5))) })).toBe(4);
    expect(seconds({ data: pcm(1), after: chunk('data', pcm(1), 0) })).toBe(2);
  });

  test('data before its format, or without one, is not audio', () => {
    const file = wavFile();
    expect(measureWav(joined(file.subarray(0, 12), chunk('data', pcm(4)), file.subarray(12, 36)))).toBeUndefined();
    expect(measureWav(joined(file.subarray(0, 12), chunk('data', pcm(4))))).toBeUndefined();
    expect(measureWav(joined(file.subarray(0, 12), chunk('data', pcm(9)), file.subarray(12)))?.durationSeconds).toBe(4);
  });

  test('the first of several formats counts', () => {
    expect(seconds({ before: wavFile({ sampleRate: 8_000 }).subarray(12, 36) })).toBe(4);
  });
});

describe('what no audio has is not audio', () => {
  const refused: [string, WavOptions][] = [
    ['no channel', { channels: 0, blockAlign: 2 }],
    ['65 channels', { channels: 65 }],
    ['no rate', { sampleRate: 0 }],
    ['a rate of 1 Hz', { sampleRate: 1 }],
    ['a rate of 999 Hz', { sampleRate: 999 }],
    ['a rate of 4 GHz', { sampleRate: 0xffff_ffff }],
    ['an absurd block align', { blockAlign: 65_535 }],
    ['mu-law with an absurd block align', { tag: 7, blockAlign: 9 }],
    ['samples of 72 bits', { bits: 72, blockAlign: 8 }],
    ['MS ADPCM without blocks', { tag: 2, blockAlign: 0 }],
    ['MS ADPCM with blocks that hold nothing', { tag: 2, blockAlign: 6 }],
    ['IMA ADPCM with blocks that hold nothing', { tag: 17, bits: 4, blockAlign: 3 }],
    ['IMA ADPCM of 16 bits', { tag: 17, bits: 16, blockAlign: 256 }],
    ['GSM in blocks of another size', { tag: 0x31, blockAlign: 33 }],
    ['GSM in stereo', { tag: 0x31, channels: 2, blockAlign: 65 }],
    ['G.726 of 16 bits', { tag: 0x45, bits: 16 }],
    ['a codec that is not known', { tag: 0x1234 }],
    ['a GUID that is not one of WAVE', { tag: 0xfffe, extension: extensible(1, '00'.repeat(14)) }],
    ['an extensible format without its extension', { tag: 0xfffe }],
    ['MP3 in a WAV', { tag: 0x55 }],
    ['no data', { data: pcm(0) }],
  ];
  test.each(refused)('%s', (_what, options) => {
    expect(measureWav(wavFile(options))).toBeUndefined();
  });

  test('big-endian RIFX and Wave64 are not WAV', () => {
    expect(audioFormatOf(wavFile({ riffId: 'RIFX' }))).toBeUndefined();
    expect(audioFormatOf(wavFile({ riffId: 'riff' }))).toBeUndefined();
  });
});

test('PCM of any shape lasts as long as its samples, whatever its header declares besides', () => {
  const any32 = fc.nat(0xffff_ffff);
  fc.assert(
    fc.property(
      fc.constantFrom(8, 16, 24, 32),
      fc.integer({ min: 1, max: 8 }),
      fc.constantFrom(8_000, 16_000, 44_100, 48_000),
      fc.integer({ min: 100, max: 20_000 }),
      any32,
      any32,
      any32,
      (bits, channels, sampleRate, samples, byteRate, riffBytes, factSamples) => {
        const data = bytes((samples * channels * bits) / 8);
        const options = { bits, channels, sampleRate, data, byteRate, riffBytes, before: fact(factSamples) };
        expect(seconds(options)).toBeCloseTo(samples / sampleRate, 2);
        for (const dataBytes of [0, 0xffff_ffff, data.length + 1])
          expect(seconds({ ...options, dataBytes })).toBeCloseTo(samples / sampleRate, 2);
      },
    ),
  );
});

test('any bytes are measured or refused, never an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(60), (noise, at) => {
      const file = wavFile({ data: pcm(0.01) });
      measureWav(joined('RIFF', uint32(0), 'WAVE', noise));
      measureWav(joined(file.subarray(0, at), noise, file.subarray(at + noise.length)));
    }),
  );
});
