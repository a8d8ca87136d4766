import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { audioFormatOf } from '../../../../src/lib/preCall/sample/audioFormat.ts';
import { measureOgg } from '../../../../src/lib/preCall/sample/measureOgg.ts';
import { changed, oggFile, type Page, paged, pagesOf } from './oggFile.ts';
import { joined, uint32 } from './wavFile.ts';

const read = (path: string) => new Uint8Array(readFileSync(path));
const made = (name: string) => read(`tests/lib/preCall/sample/files/${name}`);
const opus = read('examples/voice-samples/sample-opus.ogg');
const vorbis = read('examples/voice-samples/sample-vorbis.ogg');

const seconds = (bytes: Uint8Array) => measureOgg(bytes)?.durationSeconds ?? 0;
const isAudioPage = (index: number) => index >= 2;

/** The first packet of Opus: 48 kHz, one channel. */
function opusHead({ skipped = 0, inputRate = 48_000, version = 1 } = {}): Uint8Array {
  return joined(
    'OpusHead',
    new Uint8Array([version, 1, skipped & 0xff, skipped >> 8]),
    uint32(inputRate),
    new Uint8Array(3),
  );
}

const opusTags = joined('OpusTags', new Uint8Array(8));

/** One of 20 ms, CELT. */
const opusPacket = Uint8Array.of(31 << 3, 1, 2, 3);
const opusSeconds = (...packets: Uint8Array[]) => seconds(oggFile(paged([opusHead(), opusTags, ...packets])));
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

describe('files that real encoders made', () => {
  test('last as long as what was encoded', () => {
    expect(measureOgg(opus)).toEqual({ durationSeconds: 5, sampleRate: 16_000 });
    expect(measureOgg(vorbis)).toEqual({ durationSeconds: 5, sampleRate: 16_000 });
  });

  // RFC 3533 §4; what `cat a.ogg b.ogg` makes. Both links may have the same serial number.
  test('add up when one follows the other', () => {
    expect(seconds(joined(opus, opus))).toBe(10);
    expect(seconds(joined(vorbis, vorbis))).toBe(10);
    expect(measureOgg(joined(opus, made('oggenc-8k.ogg'), vorbis))).toEqual({
      durationSeconds: 11.3,
      sampleRate: 16_000,
    });
    expect(seconds(joined(...times(20, made('opusenc-60ms.ogg'))))).toBe(26);
  });

  test('count only their first audio when other streams are beside it', () => {
    const link = (serial: number) => pagesOf(changed(opus, () => ({ serial })));
    const [head, ...rest] = link(7);
    const [otherHead, ...otherRest] = link(8);
    if (head === undefined || otherHead === undefined) throw new Error('an empty file');
    const mixed = rest.flatMap((page, index) => [page, otherRest[index] ?? page]);
    expect(seconds(oggFile([head, otherHead, ...mixed]))).toBe(5);
    const video: Page = {
      content: new Uint8Array(Buffer.from('\x80theora', 'latin1')),
      lacing: Uint8Array.of(7),
      serial: 9,
      isFirst: true,
    };
    const behindVideo = oggFile([video, head, ...rest.flatMap((page) => [page, { ...video, isFirst: false }])]);
    expect(audioFormatOf(behindVideo)).toBe('ogg');
    expect(seconds(behindVideo)).toBe(5);
    expect(seconds(joined(behindVideo, behindVideo))).toBe(10);
  });

  test('with audio of another kind only are not taken', () => {
    for (const codec of ['Speex   ', '\x7fFLAC', '\x80theora', 'fishead\0', 'OpusHea', '\x01vorbis']) {
      const content = new Uint8Array(Buffer.from(codec, 'latin1'));
      const page = { content, lacing: Uint8Array.of(content.length), isFirst: true };
      expect(audioFormatOf(oggFile([page]))).toBeUndefined();
      expect(measureOgg(oggFile([page, { ...page, isFirst: false }]))).toBeUndefined();
    }
  });
});

describe('the positions of pages', () => {
  const lies: [string, (page: Page) => number | undefined][] = [
    ['begin at 600 s', ({ position = 0 }) => position + 600 * 48_000],
    ['begin at a day', ({ position = 0 }) => position + 86_400 * 48_000],
    ['are zero', () => 0],
    ['are absent', () => undefined],
    ['are below zero', () => -5],
    ['are as large as can be', () => Number.MAX_SAFE_INTEGER],
    ['are a third', ({ position = 0 }) => Math.floor(position / 3)],
    ['are ten times as much', ({ position = 0 }) => position * 10],
    ['declare ten minutes at the end', ({ isLast, position }) => (isLast ? 28_800_000 : position)],
    ['declare nothing at the end', ({ isLast, position }) => (isLast ? 0 : position)],
  ];
  test.each(lies)('do not matter when they %s', (_what, positionOf) => {
    for (const file of [opus, vorbis]) {
      const lying = changed(file, (page, index) => (isAudioPage(index) ? { position: positionOf(page) } : {}));
      // What the encoder filled the last packet up with is not known any more.
      expect(Math.abs(seconds(lying) - 5)).toBeLessThan(0.04);
    }
  });

  test('that begin anywhere still say where the last packet ends', () => {
    for (const file of [opus, vorbis]) {
      const live = changed(file, ({ position }, index) =>
        isAudioPage(index) && position !== undefined ? { position: position + 48_000 * 600 } : {},
      );
      expect(seconds(live)).toBe(5);
    }
  });

  test('cut off no more than the last packet, and only on the last page', () => {
    const packets = [opusHead(), opusTags, ...times(200, opusPacket)];
    const positions = packets.map((_, index) => Math.max(0, index - 1) * 960);
    const end = positions.at(-1) ?? 0;
    const lasts = (last: number) =>
      seconds(oggFile(paged(packets, { segments: 50, positions: positions.with(-1, last) })));
    expect([end, end - 480, end - 960].map(lasts)).toEqual([4, 3.99, 3.98]);
    expect([end - 961, end + 480, 0].map(lasts)).toEqual([4, 4, 4]);
    const unended = changed(
      oggFile(paged(packets, { segments: 50, positions: positions.with(-1, end - 480) })),
      () => ({
        isLast: false,
      }),
    );
    expect(seconds(unended)).toBe(4);
  });

  test('are absent from pages in which no packet ends', () => {
    const long = joined(Uint8Array.of(31 << 3), new Uint8Array(1_000));
    const packets = [opusHead(), opusTags, ...times(100, long)];
    const positions = packets.map((_, index) => Math.max(0, index - 1) * 960).with(-1, 100 * 960 - 480);
    expect(seconds(oggFile(paged(packets, { segments: 1, positions })))).toBe(1.99);
  });

  test('may be short of the samples on a single page', () => {
    const packets = [opusHead(), opusTags, ...times(100, opusPacket)];
    const positions = packets.map((_, index) => Math.max(0, index * 960 - 960 - 500));
    expect(seconds(oggFile(paged(packets, { positions })))).toBe(1.99);
  });
});

describe('Opus', () => {
  // RFC 6716 §3.1, tables 2 and 4.
  const configs: readonly (readonly [config: number, ms: number])[] = [
    ...[0, 4, 8].flatMap((first) => [10, 20, 40, 60].map((ms, index) => [first + index, ms] as const)),
    ...[12, 14].flatMap((first) => [10, 20].map((ms, index) => [first + index, ms] as const)),
    ...[16, 20, 24, 28].flatMap((first) => [2.5, 5, 10, 20].map((ms, index) => [first + index, ms] as const)),
  ];
  test.each(configs)('frames of configuration %d last %d ms', (config, ms) => {
    const packet = (code: number, ...rest: number[]) => Uint8Array.of((config << 3) | code, ...rest);
    expect(opusSeconds(...times(400, packet(0, 1)))).toBe((400 * ms) / 1000);
    expect(opusSeconds(...times(400, packet(0)))).toBe((400 * ms) / 1000);
    expect(opusSeconds(...times(400, packet(1, 1, 1)))).toBe((800 * ms) / 1000);
    expect(opusSeconds(...times(400, packet(2, 1, 1, 1)))).toBe((800 * ms) / 1000);
    const most = Math.floor(120 / ms);
    expect(opusSeconds(...times(100, packet(3, 0xc0 | most, 1)))).toBe((100 * most * ms) / 1000);
    expect(opusSeconds(...times(100, packet(3, most + 1, 1)), opusPacket)).toBe(0.02); // over 120 ms
    expect(opusSeconds(...times(100, packet(3)), ...times(100, packet(3, 0)), opusPacket)).toBe(0.02);
  });

  test('samples before the audio are skipped, in each link', () => {
    const link = oggFile(paged([opusHead({ skipped: 4_800 }), opusTags, ...times(155, opusPacket)]));
    expect(seconds(link)).toBe(3);
    expect(seconds(joined(link, link))).toBe(6);
    expect(measureOgg(oggFile(paged([opusHead({ skipped: 4_800 }), opusTags, opusPacket])))).toBeUndefined();
  });

  test('has the rate of the recording, or its own when that is not said', () => {
    const rate = (inputRate: number) => measureOgg(oggFile(paged([opusHead({ inputRate }), opusTags, opusPacket])));
    expect([16_000, 44_100, 0, 1, 0xffff_ffff].map((hertz) => rate(hertz)?.sampleRate)).toEqual([
      16_000, 44_100, 48_000, 48_000, 48_000,
    ]);
  });

  test('of a later version that is not compatible is not taken', () => {
    expect(audioFormatOf(oggFile(paged([opusHead({ version: 15 })])))).toBe('ogg');
    expect(audioFormatOf(oggFile(paged([opusHead({ version: 16 })])))).toBeUndefined();
  });

  test('empty packets and a header alone are not audio', () => {
    expect(opusSeconds(...times(200, new Uint8Array()))).toBe(0);
    expect(measureOgg(oggFile(paged([opusHead(), opusTags])))).toBeUndefined();
  });
});

describe('Vorbis', () => {
  const [head, comment] = pagesOf(vorbis);
  if (head === undefined || comment === undefined) throw new Error('an empty file');

  test('without its setup is not audio', () => {
    expect(measureOgg(oggFile([head, ...pagesOf(vorbis).slice(2)]))).toBeUndefined();
  });

  const headers: [string, number, number[]][] = [
    ['a rate of 1 Hz', 12, [1, 0, 0, 0]],
    ['a rate of 100 Hz', 12, [100, 0, 0, 0]],
    ['no rate', 12, [0, 0, 0, 0]],
    ['blocks that are too small', 28, [0x95]],
    ['blocks that are too large', 28, [0xe8]],
    ['a long block that is the shorter one', 28, [0x79]],
  ];
  test.each(headers)('with %s is not audio, nor makes it the audio before it longer', (_what, at, values) => {
    const content = new Uint8Array(head.content);
    content.set(values, at);
    const lying = oggFile([{ ...head, content }, ...pagesOf(vorbis).slice(1)]);
    expect(audioFormatOf(lying)).toBeUndefined();
    expect(measureOgg(lying)).toBeUndefined();
    expect(seconds(joined(opus, lying))).toBe(5);
  });

  test('packets that name no mode, are empty or are headers last nothing', () => {
    const [first, ...others] = pagesOf(vorbis);
    if (first === undefined) throw new Error('an empty file');
    const noAudio = Array.from({ length: 50 }, () => Uint8Array.of(0xff, 1));
    const more: Page = {
      content: joined(...noAudio),
      lacing: Uint8Array.from([...noAudio.map(() => 2), 0, 0, 0]),
      serial: first.serial ?? 0,
      sequence: 900,
    };
    expect(seconds(oggFile([first, ...others, more]))).toBe(5);
  });

  test('garbage for a setup is measured or refused, never an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 1, maxLength: 9 }), (setup, packet) => {
        const found = measureOgg(oggFile(paged([head.content, joined('\x05vorbis', setup), packet, packet])));
        expect(found?.durationSeconds ?? 0).toBeLessThan(3);
      }),
    );
  });
});

describe('damage', () => {
  const pages = pagesOf(opus);
  const starts = [...Buffer.from(opus).toString('latin1').matchAll(/OggS/g)].map(({ index }) => index);
  const secondsOnPage = 1;

  test('a page whose checksum is wrong is left out', () => {
    const damaged = opus.slice();
    const at = (starts[3] ?? 0) + 200;
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    expect(seconds(damaged)).toBeCloseTo(5 - secondsOnPage, 1);
  });

  test('a page that is missing leaves the others', () => {
    expect(seconds(oggFile(pages.filter((_, index) => index !== 3)))).toBeCloseTo(5 - secondsOnPage, 1);
  });

  test('what is between pages is passed over', () => {
    const noise = joined('noise OggS OggSOggS', new Uint8Array(1_000).fill(0xff));
    const torn = joined(...starts.map((start, index) => joined(opus.subarray(start, starts[index + 1]), noise)));
    expect(seconds(torn)).toBe(5);
  });

  test('a page that the end of the file cuts is left out', () => {
    expect(seconds(opus.subarray(0, -1))).toBeGreaterThan(3.9);
    expect(seconds(opus.subarray(0, (starts[3] ?? 0) + 100))).toBeCloseTo(0.99, 1);
  });

  test('sequence numbers that are all the same lose only packets that go on', () => {
    expect(seconds(changed(opus, () => ({ sequence: 0 })))).toBe(5);
  });

  test('a packet of which a page has been lost is left out', () => {
    const long = joined(Uint8Array.of(31 << 3), new Uint8Array(1_000));
    const packets = [opusHead(), opusTags, ...times(50, long)];
    const whole = paged(packets, { segments: 3 });
    expect(seconds(oggFile(whole))).toBe(1);
    const without = (lost: number) => seconds(oggFile(whole.filter((_, index) => index !== lost)));
    // Four values a packet, three a page: the one page has a part of one packet, the next one of two.
    expect([without(20), without(21)]).toEqual([0.98, 0.96]);
  });
});

test('however packets are spread over pages, chained and placed in time, they last as long', () => {
  const links = fc.array(
    fc.record({
      packets: fc.integer({ min: 1, max: 60 }),
      length: fc.integer({ min: 2, max: 1_000 }),
      segments: fc.integer({ min: 1, max: 255 }),
      positions: fc.array(fc.nat(), { maxLength: 5 }),
      serial: fc.nat(3),
    }),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(links, (parts) => {
      const file = joined(
        ...parts.map(({ packets, length, ...layout }) => {
          const packet = joined(Uint8Array.of(31 << 3), new Uint8Array(length - 1));
          return oggFile(paged([opusHead(), opusTags, ...times(packets, packet)], layout));
        }),
      );
      const expected = parts.reduce((sum, { packets }) => sum + packets * 0.02, 0);
      // A position may cut off a part of each link's last packet.
      expect(seconds(file)).toBeLessThanOrEqual(expected + 0.001);
      expect(seconds(file)).toBeGreaterThanOrEqual(expected - parts.length * 0.02 - 0.001);
    }),
    { numRuns: 50 },
  );
});

test('any bytes are measured or refused, never an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(opus.length), fc.boolean(), (noise, at, isVorbis) => {
      const file = isVorbis ? vorbis : opus;
      audioFormatOf(joined('OggS', noise));
      measureOgg(joined('OggS', noise));
      measureOgg(joined(file.subarray(0, at), noise, file.subarray(at)));
    }),
  );
});
