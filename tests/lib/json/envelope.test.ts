import { describe, expect, it } from 'vitest';
import { BodyError } from '../../../src/lib/errors.ts';
import { BodyMemory } from '../../../src/lib/http/bodyMemory.ts';
import { ENVELOPE_LIMIT_BYTES, Envelope, SHORT_AUDIO_BYTES } from '../../../src/lib/json/envelope.ts';
import { inPiecesOf, noise } from './pieces.ts';

describe('Envelope', () => {
  it('is empty at first', () => {
    const envelope = new Envelope();
    expect(envelope.length).toBe(0);
    expect(envelope.bytes).toHaveLength(0);
  });

  it.each([1, 7, 4096, 65_535, 65_536, 65_537, 300_000])('keeps every byte in order, in pieces of %i', (length) => {
    const bytes = noise(300_000);
    const envelope = new Envelope();
    for (const piece of inPiecesOf(length, bytes)) envelope.append(piece);
    expect(envelope.length).toBe(bytes.length);
    expect(envelope.bytes.equals(bytes)).toBe(true);
  });

  it('writes into no piece that it was given', () => {
    const [first, second] = [Buffer.from('{"a":"audio'), Buffer.from('"}')];
    const envelope = new Envelope();
    envelope.append(first);
    envelope.cutAudio(6);
    envelope.append(second);
    envelope.append(Buffer.from(' '));
    expect([first.toString(), second.toString()]).toEqual(['{"a":"audio', '"}']);
    expect(envelope.bytes.toString()).toBe('{"a":""} ');
  });

  it('writes into no large piece either, of which most stays when the audio is cut out', () => {
    const piece = noise(200_000);
    const envelope = new Envelope();
    envelope.append(piece);
    envelope.cutAudio(100_000);
    envelope.append(Buffer.from('"}'));
    expect(piece.equals(noise(200_000))).toBe(true);
    expect(envelope.bytes.equals(Buffer.concat([piece.subarray(0, 100_000), Buffer.from('"}')]))).toBe(true);
  });

  it('gives out what is cut off, goes on from there, and does not change what it gave out', () => {
    const envelope = new Envelope();
    envelope.append(Buffer.from('{"a":"audio'));
    const removed = envelope.cutAudio(6);
    expect(envelope.bytes.toString()).toBe('{"a":"');
    envelope.append(Buffer.from('"}'));
    expect(envelope.bytes.toString()).toBe('{"a":""}');
    expect(removed.toString()).toBe('audio');
  });

  it('takes what a body may need that is judged later, and no byte more, and then still has what it had', () => {
    const most = ENVELOPE_LIMIT_BYTES + 2 * SHORT_AUDIO_BYTES;
    const envelope = new Envelope();
    for (const piece of inPiecesOf(5_000_000, Buffer.alloc(most, 'a'))) envelope.append(piece);
    expect(envelope.length).toBe(16.5 * 1024 * 1024);
    let failure: unknown;
    try {
      envelope.append(Buffer.from('b'));
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(BodyError);
    expect(failure).toMatchObject({
      code: 'json_too_large',
      status: 413,
      message: expect.stringContaining('larger than this endpoint accepts'),
      hint: expect.stringContaining('over 16777216 bytes'),
    });
    expect(envelope.length).toBe(most);
    expect(envelope.bytes.at(-1)).toBe('a'.charCodeAt(0));
  });

  it('never holds more than that, though it doubles', () => {
    const envelope = new Envelope();
    envelope.append(Buffer.alloc(10 * 1024 * 1024));
    envelope.append(Buffer.alloc(6 * 1024 * 1024));
    expect(envelope.length).toBe(ENVELOPE_LIMIT_BYTES);
    expect(envelope.bytes.buffer.byteLength).toBe(ENVELOPE_LIMIT_BYTES + 2 * SHORT_AUDIO_BYTES);
  });

  /** How large the buffer is each time it has become another one. */
  function sizesOf(envelope: Envelope, pieceBytes: number, bytes: number): number[] {
    const sizes: number[] = [];
    let buffer: unknown;
    for (const piece of inPiecesOf(pieceBytes, noise(bytes))) {
      envelope.append(piece);
      if (envelope.bytes.buffer !== buffer && envelope.length > pieceBytes)
        sizes.push(envelope.bytes.buffer.byteLength);
      buffer = envelope.bytes.buffer;
    }
    return sizes;
  }
  const KIB = 1024;

  it.each([
    ['small pieces', 10, 65_000, [64 * KIB]],
    ['two pieces that fill the first step', 32 * KIB, 64 * KIB, [64 * KIB]],
    ['what a usual piece begins', 64 * KIB, 300_000, [384 * KIB]],
    ['what small pieces begin', 10 * KIB, 300_000, [64 * KIB, 384 * KIB]],
    ['much', 64 * KIB, 2_000_000, [384 * KIB, 768 * KIB, 1536 * KIB, 3072 * KIB]],
    ['pieces larger than its steps', 500_000, 1_500_000, [1_000_000, 2_000_000]],
  ])('grows in large steps with %s', (_name, pieceBytes, bytes, sizes) => {
    expect(sizesOf(new Envelope(), pieceBytes, bytes)).toEqual(sizes);
  });

  it.each([
    ['has the right size at once', 1_000_000, 1_000_000, [1_000_000]],
    ['is believed up to 2 MiB', 100_000_000, 1_000_000, [2048 * KIB]],
    ['goes on as ever when the announced length is short', 100_000, 300_000, [100_000, 384 * KIB]],
    ['goes on as ever when the announced length is nonsense', Number.NaN, 300_000, [384 * KIB]],
  ])('whose length is announced %s', (_name, expected, bytes, sizes) => {
    expect(sizesOf(new Envelope(undefined, expected), 50_000, bytes)).toEqual(sizes);
  });
});

it('counts the piece at hand, and what is small once the audio is cut out only when that piece is done', () => {
  const memory = new BodyMemory(1_000_000);
  const envelope = new Envelope(memory.open());
  for (const piece of inPiecesOf(65_536, noise(300_000))) {
    envelope.begin(piece.length);
    envelope.append(piece);
  }
  expect(memory.heldBytes).toBe(384 * 1024 + (300_000 % 65_536));
  envelope.cutAudio(65_536);
  expect(memory.heldBytes).toBe(384 * 1024 + (300_000 % 65_536));
  envelope.done();
  expect(memory.heldBytes).toBe(65_536);
  envelope.append(Buffer.from('"}'));
  expect(envelope.bytes.equals(Buffer.concat([noise(300_000).subarray(0, 65_536), Buffer.from('"}')]))).toBe(true);
});

it('counts a first piece that it keeps as it is', () => {
  const memory = new BodyMemory(1_000_000);
  const envelope = new Envelope(memory.open());
  envelope.begin(2_000);
  expect(memory.heldBytes).toBe(2_000);
  envelope.append(noise(2_000));
  envelope.done();
  expect(memory.heldBytes).toBe(2_000);
  new Envelope().done();
});

it('what is large even so stays where it is', () => {
  const memory = new BodyMemory(1_000_000);
  const envelope = new Envelope(memory.open());
  for (const piece of inPiecesOf(65_536, noise(300_000))) envelope.append(piece);
  const { buffer } = envelope.bytes;
  envelope.cutAudio(65_537);
  envelope.append(Buffer.from('"}'));
  envelope.done();
  expect(envelope.bytes.buffer).toBe(buffer);
  expect(memory.heldBytes).toBe(384 * 1024);
});

describe('a Envelope that was evicted for others', () => {
  const overloaded = expect.objectContaining({ code: 'overloaded', status: 503 });
  const evicted = () => {
    const memory = new BodyMemory(400_000);
    const envelope = new Envelope(memory.open());
    for (const piece of inPiecesOf(1_000, noise(200_000))) envelope.append(piece);
    memory.open().hold(190_000);
    return { envelope, memory };
  };

  it('has nothing any more, and says so', () => {
    const { envelope, memory } = evicted();
    expect(memory.heldBytes).toBe(190_000);
    expect(() => envelope.bytes).toThrow(overloaded);
    expect(() => envelope.append(Buffer.from('x'))).toThrow(overloaded);
    expect(() => envelope.cutAudio(0)).toThrow(overloaded);
    expect(() => envelope.begin(1)).toThrow(overloaded);
    expect(memory.heldBytes).toBe(190_000);
  });

  it('is refused at once when it is itself what is too much', () => {
    const envelope = new Envelope(new BodyMemory(100_000).open());
    expect(() => {
      for (const piece of inPiecesOf(10_000, noise(200_000))) envelope.append(piece);
    }).toThrow(overloaded);
  });

  it('has made progress as its pieces came, not as they were kept', () => {
    const memory = new BodyMemory(400_000);
    const [envelope, other] = [new Envelope(memory.open()), memory.open()];
    envelope.append(noise(100_000));
    other.hold(200_000);
    envelope.begin(65_536);
    memory.open().hold(200_000);
    expect(other.evicted.aborted).toBe(true);
    expect(envelope.bytes).toHaveLength(100_000);
  });
});
