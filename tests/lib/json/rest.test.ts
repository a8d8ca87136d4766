import { describe, expect, it } from 'vitest';
import { BodyMemory } from '../../../src/lib/bodyMemory.ts';
import { BodyError } from '../../../src/lib/errors.ts';
import { REST_LIMIT_BYTES, Rest, SHORT_AUDIO_BYTES } from '../../../src/lib/json/rest.ts';
import { inPiecesOf, noise } from './pieces.ts';

describe('Rest', () => {
  it('is empty at first', () => {
    const rest = new Rest();
    expect(rest.length).toBe(0);
    expect(rest.bytes).toHaveLength(0);
  });

  it.each([1, 7, 4096, 65_535, 65_536, 65_537, 300_000])('keeps every byte in order, in pieces of %i', (length) => {
    const bytes = noise(300_000);
    const rest = new Rest();
    for (const piece of inPiecesOf(length, bytes)) rest.append(piece);
    expect(rest.length).toBe(bytes.length);
    expect(rest.bytes.equals(bytes)).toBe(true);
  });

  it('writes into no piece that it was given', () => {
    const [first, second] = [Buffer.from('{"a":"audio'), Buffer.from('"}')];
    const rest = new Rest();
    rest.append(first);
    rest.cutAudio(6);
    rest.append(second);
    rest.append(Buffer.from(' '));
    expect([first.toString(), second.toString()]).toEqual(['{"a":"audio', '"}']);
    expect(rest.bytes.toString()).toBe('{"a":""} ');
  });

  it('gives out what is cut off, goes on from there, and does not change what it gave out', () => {
    const rest = new Rest();
    rest.append(Buffer.from('{"a":"audio'));
    const removed = rest.cutAudio(6);
    expect(rest.bytes.toString()).toBe('{"a":"');
    rest.append(Buffer.from('"}'));
    expect(rest.bytes.toString()).toBe('{"a":""}');
    expect(removed.toString()).toBe('audio');
  });

  it('takes exactly the limit and no byte more, and then still has what it had', () => {
    const rest = new Rest();
    for (const piece of inPiecesOf(5_000_000, Buffer.alloc(REST_LIMIT_BYTES, 'a'))) rest.append(piece);
    expect(rest.length).toBe(16 * 1024 * 1024);
    let failure: unknown;
    try {
      rest.append(Buffer.from('b'));
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
    expect(rest.length).toBe(REST_LIMIT_BYTES);
    expect(rest.bytes.at(-1)).toBe('a'.charCodeAt(0));
  });

  it('held up to twice its limit once it had doubled past it', () => {
    const rest = new Rest();
    rest.append(Buffer.alloc(10 * 1024 * 1024));
    rest.append(Buffer.alloc(6 * 1024 * 1024));
    expect(rest.length).toBe(REST_LIMIT_BYTES);
    expect(rest.bytes.buffer.byteLength).toBe(REST_LIMIT_BYTES + SHORT_AUDIO_BYTES);
  });

  it('grows in large steps, however small the pieces are', () => {
    const rest = new Rest();
    const buffers = new Set<unknown>();
    for (const piece of inPiecesOf(10, noise(65_000))) {
      rest.append(piece);
      buffers.add(rest.bytes.buffer);
    }
    expect(buffers.size).toBe(2);
  });

  it('has room for one string of audio that is not known to be long yet, and no byte more', () => {
    const rest = new Rest();
    rest.append(Buffer.alloc(REST_LIMIT_BYTES, 'a'));
    rest.appendAudio(Buffer.alloc(SHORT_AUDIO_BYTES));
    expect(() => rest.appendAudio(Buffer.alloc(1))).toThrow(BodyError);
    rest.cutAudio(REST_LIMIT_BYTES);
    expect(() => rest.append(Buffer.alloc(1))).toThrow(BodyError);
  });
});

describe('a Rest that had to let go for others', () => {
  const overloaded = expect.objectContaining({ code: 'overloaded', status: 503 });
  const largest = () => {
    const memory = new BodyMemory(400_000);
    const rest = new Rest(memory);
    for (const piece of inPiecesOf(1_000, noise(200_000))) rest.append(piece);
    const other = { letGo: () => expect.fail('the smaller one had to go') };
    memory.hold(other, 190_000);
    return { rest, memory };
  };

  it('has nothing any more, and says so', () => {
    const { rest, memory } = largest();
    expect(memory.heldBytes).toBe(190_000);
    expect(() => rest.bytes).toThrow(overloaded);
    expect(() => rest.append(Buffer.from('x'))).toThrow(overloaded);
    expect(() => rest.appendAudio(Buffer.from('x'))).toThrow(overloaded);
    expect(() => rest.cutAudio(0)).toThrow(overloaded);
    expect(memory.heldBytes).toBe(190_000);
  });

  it('is refused at once when it is itself what is too much', () => {
    const rest = new Rest(new BodyMemory(100_000));
    expect(() => {
      for (const piece of inPiecesOf(10_000, noise(200_000))) rest.append(piece);
    }).toThrow(overloaded);
  });
});
