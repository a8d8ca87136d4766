import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { BodyMemory } from '../../../src/lib/http/bodyMemory.ts';
import { ENVELOPE_LIMIT_BYTES, SHORT_AUDIO_BYTES } from '../../../src/lib/json/envelope.ts';
import { liftAudio } from '../../../src/lib/json/lift.ts';
import { AUDIO_MEMBERS } from './audioIn.ts';
import { CollectingSink } from './collectingSink.ts';
import { cutAt, inPiecesOf, noise } from './pieces.ts';
import { type Split, split } from './split.ts';

function neverAsked(): never {
  throw new Error('There is no audio to be kept.');
}

function neverBroken(): never {
  throw new Error('There is nothing that cannot be decoded.');
}

/** Audio whose base64 is some bytes over the shortest that is lifted, with a slash in it, and two signs of padding. */
const AUDIO = noise((SHORT_AUDIO_BYTES / 4) * 3 + 100);
const BASE64 = AUDIO.toString('base64');
const lifted = (envelope: string, audio = AUDIO) =>
  ({ kind: 'lifted', envelope, audio, undecoded: undefined }) as const;
const whole = (envelope: string) => ({ kind: 'whole', envelope, audio: undefined, undecoded: undefined }) as const;

/** A body as its text before, in and after the audio's string. */
interface Around {
  readonly before: string;
  readonly text: string;
  readonly after: string;
}

const USUAL: Around = {
  before: '{"type":"post_call_audio","event_timestamp":1739537297,"data":{"agent_id":"agent_1","full_audio":"',
  text: BASE64,
  after: '","conversation_id":"conv_1","note":"\\"full_audio\\":\\"QUJD\\""}}',
};

const bodyOf = ({ before, text, after }: Around) => Buffer.from(before + text + after, 'latin1');

/** Every place from `reach` bytes before to `reach` bytes behind each of these. */
const near = (reach: number, ...places: readonly number[]) =>
  places.flatMap((place) => Array.from({ length: 2 * reach + 1 }, (_, index) => place - reach + index));

/**
 * The same result in one piece, in small pieces and blocks, in single bytes around the places, and with a cut at every
 * distance up to `reach` from each of them, before and behind.
 */
async function expectSplit(
  around: Around,
  expected: Omit<Split, 'timesReady' | 'json'>,
  places: readonly number[],
  reach: number,
): Promise<void> {
  const body = bodyOf(around);
  const check = async (how: string, pieces: readonly Buffer[], blockBytes?: number) => {
    const { kind, envelope, audio, undecoded } = await split(pieces, blockBytes);
    expect({ kind, envelope, undecoded }, how).toEqual({
      kind: expected.kind,
      envelope: expected.envelope,
      undecoded: expected.undecoded,
    });
    expect(audio === undefined ? undefined : audio.equals(expected.audio ?? Buffer.alloc(0)), how).toBe(
      expected.audio === undefined ? undefined : true,
    );
  };
  await check('in one piece', [body]);
  await check('in pieces of 997', inPiecesOf(997, body));
  await check('in single bytes around the places', cutAt(body, ...near(reach, ...places)), 999);
  for (let distance = -reach; distance <= reach; distance++) {
    const cuts = places.map((place) => place + distance);
    await check(`cut at distance ${distance}`, cutAt(body, ...cuts));
  }
}

describe('a body with long audio is split the same way', () => {
  const { before, text } = USUAL;
  const opening = before.length;
  const closing = opening + text.length;

  it('cut at every byte around the key, the opening quote, the threshold, the padding and the closing quote', async () => {
    const places = [
      before.indexOf('"data"'),
      opening,
      opening + SHORT_AUDIO_BYTES,
      closing,
      closing + USUAL.after.indexOf('full_audio'),
    ];
    await expectSplit(USUAL, lifted(`${before}${USUAL.after}`), places, 20);
  });

  it('cut into single bytes', async () => {
    const { envelope, audio, kind } = await split(inPiecesOf(1, bodyOf(USUAL)));
    expect([kind, envelope]).toEqual(['lifted', `${before}${USUAL.after}`]);
    expect(audio?.equals(AUDIO)).toBe(true);
  });

  it('with empty pieces between', async () => {
    const pieces = cutAt(bodyOf(USUAL), opening, closing).flatMap((piece) => [Buffer.alloc(0), piece, Buffer.alloc(0)]);
    expect(await split(pieces)).toMatchObject(lifted(`${before}${USUAL.after}`));
  });

  it.each([
    ['\\/', '/'],
    ['\\u002f', '/'],
    ['\\u002F', '/'],
    ['\\u002b', '+'],
  ])('with %s in the first bytes, at the threshold and before the padding', async (spelling, character) => {
    const at = [0, 5, SHORT_AUDIO_BYTES - 20, SHORT_AUDIO_BYTES, text.length - 4];
    const plain = [...text];
    for (const place of at) plain[place] = character;
    const bytes = Buffer.from(plain.join(''), 'base64');
    const spelled = plain.map((letter, index) => (at.includes(index) ? spelling : letter)).join('');
    const around = { ...USUAL, text: spelled };
    const escapes = [...spelled.matchAll(/\\/g)].map(({ index }) => opening + index);
    const places = [...escapes, opening + SHORT_AUDIO_BYTES, opening + spelled.length];
    await expectSplit(around, lifted(`${before}${USUAL.after}`, bytes), places, 7);
  });

  it('with every slash escaped, as PHP and older encoders do', async () => {
    const around = { ...USUAL, text: text.replaceAll('/', '\\/') };
    await expectSplit(around, lifted(`${before}${USUAL.after}`), [opening, closing], 2);
  });

  it('in the URL-safe alphabet', async () => {
    const around = { ...USUAL, text: text.replaceAll('/', '_').replaceAll('+', '-') };
    await expectSplit(around, lifted(`${before}${USUAL.after}`), [opening, closing], 2);
  });

  it.each([
    ['without padding', 0],
    ['with one sign of padding', 2],
    ['with two signs of padding', 1],
  ])('%s', async (_name, over) => {
    const bytes = noise((SHORT_AUDIO_BYTES / 4) * 3 + 99 + over);
    const around = { ...USUAL, text: bytes.toString('base64') };
    const end = opening + around.text.length;
    await expectSplit(around, lifted(`${before}${USUAL.after}`, bytes), [end], 6);
  });
});

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((others) => [item, ...others]));
}

describe('it makes no difference where in the JSON the audio stands', () => {
  const call = ['"agent_id":"agent_1"', '"conversation_id":"conv_1"'];
  const event = ['"type":"post_call_audio"', '"event_timestamp":1739537297'];
  const audio = `"full_audio":"${BASE64}"`;

  const nested = permutations([...event, 'data']).flatMap((outer) =>
    permutations([...call, audio]).map((inner) =>
      `{${outer.join()}}`.replace('data', () => `"data":{${inner.join()}}`),
    ),
  );
  const flat = permutations([...event, ...call, audio]).map((members) => `{${members.join()}}`);

  it.each([
    ['under data, in all orders of the members of both levels', nested, 36],
    ['beside type, in all orders', flat, 120],
  ])('%s', async (_name, bodies, count) => {
    expect(new Set(bodies).size).toBe(count);
    for (const json of bodies) {
      const start = json.indexOf(BASE64);
      const body = Buffer.from(json);
      const pieces = cutAt(body, start - 1, start, start + BASE64.length, start + BASE64.length + 1);
      const { kind, envelope, audio: bytes } = await split(pieces);
      expect({ kind, envelope }).toEqual({ kind: 'lifted', envelope: json.replace(BASE64, '') });
      expect(bytes?.equals(AUDIO)).toBe(true);
    }
  });

  it('with keys that are spelled with escapes', async () => {
    const before = '{"\\u0064ata":{"full\\u005Faudio":"';
    const around = { before, text: BASE64, after: '"}}' };
    await expectSplit(around, lifted(`${before}"}}`), [before.length - 18], 20);
  });

  it('among white space', async () => {
    const before = '\r\n{ "data"\t:\n{ "full_audio" :\n  "';
    const around = { before, text: BASE64, after: '"\n}\n}\n' };
    await expectSplit(around, lifted(`${before}"\n}\n}\n`), [before.length], 10);
  });
});

describe('a long string stays in the JSON', () => {
  it.each([
    ['of another name', `{"data":{"audio":"${BASE64}"}}`],
    ['of the same name deeper down', `{"data":{"more":{"full_audio":"${BASE64}"}}}`],
    ['of the same name beside data of a deeper level', `{"x":{"full_audio":"${BASE64}"}}`],
    ['of the same name in an array', `{"data":[{"full_audio":"${BASE64}"}]}`],
    ['in an array of that name', `{"data":{"full_audio":["${BASE64}"]}}`],
    ['in an outermost array', `[{"full_audio":"${BASE64}"}]`],
    ['that holds "full_audio" as text', `{"data":{"note":"\\"full_audio\\":\\"${BASE64}\\""}}`],
    ['that is a key', `{"data":{"${BASE64}":"full_audio"}}`],
    ['in a body that is not valid JSON', `${BASE64}"full_audio":"${BASE64}`],
  ])('%s', async (_name, json) => {
    const body = Buffer.from(json);
    expect(await split([body])).toMatchObject(whole(json));
    expect(await split(inPiecesOf(1021, body))).toMatchObject(whole(json));
  });
});

describe('the shortest string that is lifted', () => {
  const { before, after } = USUAL;
  const start = before.length;
  /** Base64 of a multiple of four characters that takes any number of bytes: each `\\/` takes one more. */
  const textOf = (length: number) => '\\/'.repeat(length % 4) + 'A'.repeat(length - 2 * (length % 4));
  const places = [start, start + SHORT_AUDIO_BYTES];

  it.each([-2, -1])('is longer than SHORT_AUDIO_BYTES %i: the body stays whole', async (less) => {
    const text = textOf(SHORT_AUDIO_BYTES + less);
    expect(text).toHaveLength(SHORT_AUDIO_BYTES + less);
    await expectSplit({ before, text, after }, whole(before + text + after), places, 2);
  });

  it.each([0, 1, 2, 3, 4])('is SHORT_AUDIO_BYTES as received: %i more are lifted', async (more) => {
    const text = textOf(SHORT_AUDIO_BYTES + more);
    expect(text).toHaveLength(SHORT_AUDIO_BYTES + more);
    const audio = Buffer.from(text.replaceAll('\\', ''), 'base64');
    await expectSplit({ before, text, after }, lifted(before + after, audio), places, 5);
  });

  it.each([
    ['an empty string', ''],
    ['base64', 'QUJD'],
    ['no base64', 'not base64 \\" at all'],
  ])('is longer than %s: the body stays whole, wherever it is cut', async (_name, text) => {
    const body = bodyOf({ before, text, after });
    expect(await split([body])).toMatchObject(whole(body.toString('latin1')));
    expect(await split(inPiecesOf(1, body))).toMatchObject(whole(body.toString('latin1')));
    for (let cut = 1; cut < body.length; cut++) {
      expect(await split(cutAt(body, cut))).toMatchObject(whole(body.toString('latin1')));
    }
  });

  it('has so many bytes without a quote: behind an escaped one they are counted anew', async () => {
    const text = `${'A'.repeat(100)}\\"${'A'.repeat(SHORT_AUDIO_BYTES - 1)}`;
    const places = [start + 101, start + 102, start + SHORT_AUDIO_BYTES, start + text.length];
    await expectSplit({ before, text, after }, whole(before + text + after), places, 2);
    const longer = `${text}A`;
    const audio = Buffer.alloc(75);
    const undecoded = longer.slice(100) + after;
    await expectSplit(
      { before, text: longer, after },
      { kind: 'broken', envelope: before, audio, undecoded },
      places,
      2,
    );
  });

  it.each(['', 'null', '[]', '\ufeff', '{"data":{"full_audio":"', 'not json'])(
    'is not in %j, which stays whole',
    async (text) => {
      const body = Buffer.from(text);
      for (const pieces of [[body], inPiecesOf(1, body), []]) {
        expect(await split(pieces)).toMatchObject(whole(pieces.length === 0 ? '' : body.toString('latin1')));
      }
    },
  );
});

describe('of several strings of that name', () => {
  it.each([
    ['the first long one is lifted, and a second long one stays', BASE64, BASE64, 'lifted', ''],
    ['the first long one is lifted, and a second short one stays', BASE64, 'QUJD', 'lifted', ''],
    ['a first short one stays, and the long one is lifted', 'QUJD', BASE64, 'lifted', 'QUJD'],
    ['two short ones stay', 'QUJD', 'QQ==', 'whole', 'QUJD'],
  ])('%s', async (_name, first, second, kind, firstLeft) => {
    const secondLeft = kind === 'whole' || firstLeft === '' ? second : '';
    for (const [between, end] of [
      ['","full_audio":"', '"}}'],
      ['"},"data":{"full_audio":"', '"}}'],
      ['"},"full_audio":"', '"}'],
    ]) {
      const json = (a: string, b: string) => `{"data":{"full_audio":"${a}${between}${b}${end}`;
      const expected = { kind, envelope: json(firstLeft, secondLeft), undecoded: undefined };
      const body = Buffer.from(json(first, second));
      for (const pieces of [[body], inPiecesOf(4099, body)]) {
        const result = await split(pieces);
        expect(result).toMatchObject(expected);
        expect(result.audio?.equals(AUDIO)).toBe(kind === 'lifted' ? true : undefined);
      }
    }
  });
});

describe('audio that is not valid base64 is kept as far as it goes, and everything from there on as received', () => {
  const { before, after } = USUAL;
  const start = before.length;
  const length = BASE64.length;
  const put = (at: number, text: string) => BASE64.slice(0, at) + text + BASE64.slice(at + text.length);

  /** Where the text breaks, in whole quanta: what is before that place is audio. */
  const cases: [name: string, text: string, brokenAt: number, after?: string][] = [
    ['a foreign character at its start', put(0, '!'), 0],
    ['a foreign character early on', put(4001, '!'), 4000],
    ['a foreign character just before the threshold', put(SHORT_AUDIO_BYTES - 1, '!'), SHORT_AUDIO_BYTES - 4],
    ['a foreign character just behind the threshold', put(SHORT_AUDIO_BYTES, '!'), SHORT_AUDIO_BYTES],
    ['a foreign character in its last quantum', put(length - 3, '!'), length - 4],
    ['white space', put(100_002, ' '), 100_000],
    ['a line break', put(100_003, '\n'), 100_000],
    ['a byte that is not ASCII', put(100_000, '\xe9'), 100_000],
    ['padding in its middle', put(100_001, '='), 100_000],
    ['whole padding in its middle', put(100_000, 'QQ=='), 100_004],
    ['padding that is missing', BASE64.replaceAll('=', ''), length - 4],
    ['padding of which half is missing', BASE64.slice(0, -1), length - 4],
    ['padding that is too much', `${BASE64}=`, length],
    ['more base64 after its padding', `${BASE64}QUJD`, length],
    ['an escape that is not valid base64', put(100_001, '\\n'), 100_000],
    ['an invalid escape', put(100_001, '\\x'), 100_000],
    ['an escaped quote early on, and many bytes behind it', put(100_001, '\\"') + BASE64, 100_000],
    ['an escaped quote at the threshold', put(SHORT_AUDIO_BYTES, '\\"'), SHORT_AUDIO_BYTES],
    ['an escaped quote behind the threshold', put(SHORT_AUDIO_BYTES + 1, '\\"'), SHORT_AUDIO_BYTES],
    ['an escape by number of another character', put(100_001, '\\u0021'), 100_000],
    [
      'a quote in an incomplete quantum behind the threshold',
      BASE64.slice(0, SHORT_AUDIO_BYTES + 2),
      SHORT_AUDIO_BYTES,
    ],
    ['no end', BASE64, length, ''],
    ['no end, in an incomplete quantum', BASE64.slice(0, SHORT_AUDIO_BYTES + 7), SHORT_AUDIO_BYTES + 4, ''],
    ['no end, in an escape', `${BASE64.slice(0, SHORT_AUDIO_BYTES)}Q\\u00`, SHORT_AUDIO_BYTES, ''],
    ['no end at the threshold', BASE64.slice(0, SHORT_AUDIO_BYTES), SHORT_AUDIO_BYTES, ''],
    ['no end behind its padding and an escape', `${BASE64}\\`, length, ''],
  ];

  it.each(cases)('%s', async (_name, text, brokenAt, end = after) => {
    const body = before + text + end;
    const audio = Buffer.from(text.slice(0, brokenAt), 'base64');
    const undecoded = text.slice(brokenAt) + end;
    expect(before + audio.toString('base64') + undecoded === body).toBe(true);
    const places = [start, start + SHORT_AUDIO_BYTES, start + text.length, start + brokenAt + 2];
    await expectSplit({ before, text, after: end }, { kind: 'broken', envelope: before, audio, undecoded }, places, 3);
  });

  it('with escapes before the broken place, which are audio, and escapes behind it, which stay as received', async () => {
    const text = `\\/\\/\\/\\/${BASE64.slice(4, 100_000)}\\u0041!${'\\/'.repeat(SHORT_AUDIO_BYTES)}`;
    const audio = Buffer.from(`////${BASE64.slice(4, 100_000)}`, 'base64');
    const expected = { kind: 'broken' as const, envelope: before, audio, undecoded: text.slice(100_004) + after };
    await expectSplit({ before, text, after }, expected, [start + 4, start + 100_004], 8);
  });
});

describe('a sink that has no block for a while', () => {
  it.each([3, 6, 9, 30, 3000])('is waited for, in blocks of %i', async (blockBytes) => {
    const body = bodyOf(USUAL);
    for (const pieces of [[body], inPiecesOf(10_007, body)]) {
      const { audio, kind, timesReady } = await split(pieces, blockBytes);
      expect(kind).toBe('lifted');
      expect(audio?.equals(AUDIO)).toBe(true);
      expect(timesReady).toBeGreaterThanOrEqual(Math.ceil(AUDIO.length / blockBytes));
    }
  });

  it('holds the body back: no further piece is asked for until there is a block', async () => {
    const pieces = cutAt(bodyOf(USUAL), USUAL.before.length + SHORT_AUDIO_BYTES + 1);
    let asked = 0;
    async function* body() {
      for (const piece of pieces) {
        asked++;
        yield piece;
      }
    }
    const { promise: blockAsked, resolve: isAsked } = Promise.withResolvers<void>();
    const { promise: blockThere, resolve: giveBlock } = Promise.withResolvers<void>();
    const sink = new CollectingSink(300_000);
    sink.ready = async () => {
      isAsked();
      await blockThere;
      sink.provide();
    };
    const result = liftAudio(body(), { audio: () => sink, undecoded: neverBroken }, { members: AUDIO_MEMBERS });
    await blockAsked;
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toBe(1);
    giveBlock();
    expect((await result).kind).toBe('lifted');
    expect(asked).toBe(2);
    expect(sink.bytes.equals(AUDIO)).toBe(true);
  });

  it('may fail, and the failure comes through', async () => {
    const sink = new CollectingSink(30);
    sink.ready = () => Promise.reject(new Error('no block'));
    const body = (async function* () {
      yield bodyOf(USUAL);
    })();
    const lift = liftAudio(body, { audio: () => sink, undecoded: neverBroken }, { members: AUDIO_MEMBERS });
    await expect(lift).rejects.toThrow('no block');
  });
});

describe('the JSON outside the audio', () => {
  const filler = (length: number) => `{"filler":"${'x'.repeat(length - 12)}",`;

  it('may be exactly at its limit, and then lifted audio costs none of it', async () => {
    const after = '"}';
    const before = '{"full_audio":"';
    const closing = `","filler":"${'x'.repeat(ENVELOPE_LIMIT_BYTES - before.length - 12 - after.length)}${after}`;
    const { kind, envelope } = await split([Buffer.from(before + BASE64 + closing)]);
    expect(kind).toBe('lifted');
    expect(envelope).toHaveLength(ENVELOPE_LIMIT_BYTES);
  });

  it('is refused with 413 one byte over its limit, before or behind the audio, and without any', async () => {
    const before = '{"full_audio":"';
    const bodies = [
      `${before}${BASE64}","filler":"${'x'.repeat(ENVELOPE_LIMIT_BYTES - before.length - 12 - 1)}"}`,
      `${filler(ENVELOPE_LIMIT_BYTES - 15)}"full_audio":"${BASE64}"}`,
      `${filler(ENVELOPE_LIMIT_BYTES)}`.padEnd(ENVELOPE_LIMIT_BYTES + 1),
    ];
    for (const body of bodies) {
      await expect(split(inPiecesOf(1_000_000, Buffer.from(body)))).rejects.toMatchObject({
        code: 'json_too_large',
        status: 413,
      });
    }
  });

  it('counts strings of that name, too, which are short but many: what is kept of a body stays bounded', async () => {
    const short = `"full_audio":"${'A'.repeat(SHORT_AUDIO_BYTES - 1)}",`;
    const times = Math.ceil((ENVELOPE_LIMIT_BYTES + 2 * SHORT_AUDIO_BYTES) / short.length);
    const pieces = [Buffer.from('{'), ...Array<Buffer>(times).fill(Buffer.from(short)), Buffer.from('"x":1}')];
    await expect(split(pieces)).rejects.toMatchObject({ code: 'json_too_large', status: 413 });
  });

  it('is refused when long audio begins behind its limit, before that audio is read', async () => {
    let pieces = 0;
    const body = (async function* () {
      for (const piece of inPiecesOf(1_000_000, Buffer.from(`${filler(ENVELOPE_LIMIT_BYTES)}"full_audio":"`)))
        yield piece;
      for (;;) {
        pieces++;
        yield Buffer.alloc(SHORT_AUDIO_BYTES, 'A');
      }
    })();
    const lift = liftAudio(body, { audio: neverAsked, undecoded: neverAsked }, { members: AUDIO_MEMBERS });
    await expect(lift).rejects.toMatchObject({ code: 'json_too_large' });
    expect(pieces).toBe(1);
  });

  it('may be just under its limit before long audio begins', async () => {
    const before = `${filler(ENVELOPE_LIMIT_BYTES - 1000)}"full_audio":"`;
    const { kind, envelope, audio } = await split([Buffer.from(`${before}${BASE64}"}`)]);
    expect(kind).toBe('lifted');
    expect(envelope.length).toBe(before.length + 2);
    expect(audio?.equals(AUDIO)).toBe(true);
  });
});

describe('what a body holds in memory', () => {
  /** Counts before each piece, and at the end, what is held. */
  async function heldWhile(json: string, sink = new CollectingSink(300_000)) {
    const memory = new BodyMemory(2 * ENVELOPE_LIMIT_BYTES);
    const counted: number[] = [];
    const body = (async function* () {
      for (const piece of inPiecesOf(65_536, Buffer.from(json))) {
        yield piece;
        counted.push(memory.heldBytes);
      }
    })();
    const { kind, envelope } = await liftAudio(
      body,
      { audio: () => sink, undecoded: neverBroken },
      { members: AUDIO_MEMBERS, held: memory.open() },
    );
    return { kind, envelope, counted, heldBytes: memory.heldBytes };
  }

  it('is counted as it grows, and still when it is whole', async () => {
    const { envelope, counted, heldBytes } = await heldWhile(
      JSON.stringify({ note: ['x'.repeat(200_000), 'y'.repeat(200_000)] }),
    );
    expect(counted).toEqual([65_536, ...Array(5).fill(393_216), 786_432]);
    expect(heldBytes).toBeGreaterThanOrEqual(envelope.length);
  });

  it('is little once the audio was lifted out', async () => {
    const { kind, counted, heldBytes } = await heldWhile(`${USUAL.before}${BASE64}${USUAL.after}`);
    expect(kind).toBe('lifted');
    expect(Math.max(...counted)).toBe(393_216);
    expect(heldBytes).toBeLessThan(70_000);
  });

  it('counts in full while the audio waits for a block, and is freed when it is evicted meanwhile', async () => {
    const memory = new BodyMemory(1_000_000);
    const held = memory.open();
    const sink = new CollectingSink(300_000);
    const { promise: blockAsked, resolve: isAsked } = Promise.withResolvers<void>();
    const { promise: blockThere, resolve: giveBlock } = Promise.withResolvers<void>();
    sink.ready = async () => {
      isAsked();
      await blockThere;
      sink.provide();
    };
    const body = Readable.from(inPiecesOf(65_536, Buffer.from(`${USUAL.before}${BASE64}${USUAL.after}`)));
    const lift = liftAudio(body, { audio: () => sink, undecoded: neverBroken }, { members: AUDIO_MEMBERS, held });
    await blockAsked;
    expect(memory.heldBytes).toBeGreaterThanOrEqual(393_216 + (AUDIO.length % 65_536));
    memory.open().hold(900_000);
    expect(memory.heldBytes).toBe(900_000);
    giveBlock();
    await expect(lift).rejects.toMatchObject({ code: 'overloaded', status: 503 });
    expect(sink.bytes).toHaveLength(0);
  });
});

it('hundreds of thousands of tiny members hold no turn of the event loop for most of the time', async () => {
  const names = Array.from({ length: 400_000 }, (_, index) => `"${index.toString(36)}":1`);
  const body = Readable.from(inPiecesOf(65_536, Buffer.from(`{"data":{${names.join()}}}`)));
  const turns: number[] = [];
  let isDone = false;
  const lift = liftAudio(body, { audio: neverAsked, undecoded: neverAsked }, { members: AUDIO_MEMBERS });
  const done = lift.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    const before = process.cpuUsage();
    await new Promise((resolve) => setImmediate(resolve));
    const { user, system } = process.cpuUsage(before);
    turns.push(user + system);
  }
  const { json } = await done;
  expect(json).toEqual({ isJson: true, isAmbiguous: false, value: { data: {} } });
  expect(Math.max(...turns)).toBeLessThan(turns.reduce((sum, turn) => sum + turn, 0) / 2);
});

it('a body whose end has come is not evicted while it is read', async () => {
  const memory = new BodyMemory(2_000_000);
  const text = `{"x":[${Array(300_000).fill('1').join()}]}`;
  let isAtEnd = false;
  const body = (async function* () {
    yield* inPiecesOf(65_536, Buffer.from(text));
    isAtEnd = true;
  })();
  const lift = liftAudio(
    body,
    { audio: neverAsked, undecoded: neverAsked },
    { members: AUDIO_MEMBERS, held: memory.open() },
  );
  while (!isAtEnd) await new Promise((resolve) => setImmediate(resolve));
  expect(() => memory.open().hold(1_900_000)).toThrow();
  expect((await lift).json.isJson).toBe(true);
});

describe('what is known of the JSON around the audio', () => {
  const data = { full_audio: '' };
  const good = { isJson: true, isAmbiguous: false, value: { data } };

  it.each([
    ['whole', '{"data":{"full_audio":""}}', good],
    ['lifted', `{"data":{"full_audio":"${BASE64}"}}`, good],
    [
      'lifted beside another one',
      `{"data":{"full_audio":"${BASE64}","full_audio":""}}`,
      { ...good, isAmbiguous: true },
    ],
    ['lifted, and not JSON', `{"data":{"full_audio":"${BASE64}"}`, { ...good, isJson: false }],
    ['whole, and not UTF-8', '{"x":"\xe9","data":{}}', { ...good, isJson: false, value: { data: {} } }],
    ['broken', `{"data":{"full_audio":"${BASE64}!"}}`, { ...good, isJson: false, value: { data: {} } }],
  ])('when it was %s', async (_name, text, expected) => {
    const { json } = await split([Buffer.from(text, 'latin1')]);
    expect(json).toEqual(expected);
  });
});

it('a failure of the body comes through liftAudio', async () => {
  const body = (async function* () {
    yield Buffer.from('{');
    throw new Error('cut off');
  })();
  const targets = { audio: () => new CollectingSink(3), undecoded: neverBroken };
  await expect(liftAudio(body, targets, { members: AUDIO_MEMBERS })).rejects.toThrow('cut off');
});
