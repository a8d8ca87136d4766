import { describe, expect, it } from 'vitest';
import { BodyMemory, type HeldBody, PROGRESS_BYTES } from '../../../src/lib/http/bodyMemory.ts';

const open = (memory: BodyMemory, bytes: number): HeldBody => {
  const held = memory.open();
  held.hold(bytes);
  return held;
};
const evicted = (all: readonly HeldBody[]) =>
  all.map((held, at) => (held.evicted.aborted ? at : -1)).filter((at) => at >= 0);
const overloaded = expect.objectContaining({ code: 'overloaded', status: 503 });

describe('the memory of all bodies', () => {
  it('is there to be held up to its limit', () => {
    const memory = new BodyMemory(30);
    const all = [10, 10, 10].map((bytes) => open(memory, bytes));
    expect(evicted(all)).toEqual([]);
    expect(memory.heldBytes).toBe(30);
  });

  it('counts a body once, with what it said last', () => {
    const memory = new BodyMemory(30);
    const held = memory.open();
    for (const bytes of [10, 30, 20]) held.hold(bytes);
    expect(memory.heldBytes).toBe(20);
    expect(held.evicted.aborted).toBe(false);
  });

  it('comes back when a body is released, once', () => {
    const memory = new BodyMemory(30);
    const held = open(memory, 10);
    held.release();
    held.release();
    expect(memory.heldBytes).toBe(0);
  });

  it('evicts as many as it takes, those that came first, and those that come later stay', () => {
    const memory = new BodyMemory(100);
    const all = [40, 30, 20, 10, 50].map((bytes) => open(memory, bytes));
    expect(evicted(all)).toEqual([0, 1]);
    expect(memory.heldBytes).toBe(80);
  });

  it('evicts the one without progress for longest, not the one that holds most', () => {
    const memory = new BodyMemory(100);
    const all = [60, 20, 10].map((bytes) => open(memory, bytes));
    all[0]?.arrived(PROGRESS_BYTES);
    all[2]?.hold(30);
    expect(evicted(all)).toEqual([1]);
    expect(memory.heldBytes).toBe(90);
  });

  it('takes dripping for standing still, until as much has come as counts', () => {
    const memory = new BodyMemory(100);
    const [dripping, other, last] = [30, 30, 30].map((bytes) => open(memory, bytes)) as [HeldBody, HeldBody, HeldBody];
    dripping.arrived(PROGRESS_BYTES - 2);
    dripping.arrived(1);
    last.hold(60);
    expect(evicted([dripping, other, last])).toEqual([0]);

    other.arrived(PROGRESS_BYTES - 1);
    other.arrived(1); // behind the last
    const newest = open(memory, 30);
    expect(evicted([dripping, other, last, newest])).toEqual([0, 2]);
    other.arrived(PROGRESS_BYTES - 1); // counts from there
    newest.hold(90);
    expect(evicted([other])).toEqual([0]);
  });

  it('counts nothing for a body that only arrives, and has no place in line for it', () => {
    const memory = new BodyMemory(100);
    const [early, other] = [memory.open(), open(memory, 60)];
    early.arrived(PROGRESS_BYTES);
    expect(memory.heldBytes).toBe(0 + 60);
    early.hold(50);
    expect(evicted([early, other])).toEqual([1]);
  });

  it('refuses a body that is over the limit alone, and whatever was evicted before', () => {
    const memory = new BodyMemory(100);
    const held = memory.open();
    expect(() => held.hold(101)).toThrow(overloaded);
    expect(() => held.hold(1)).toThrow(overloaded);
    expect(held.evicted.aborted).toBe(true);
    expect(memory.heldBytes).toBe(0);
    expect(() => held.hold(1)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('longest without progress') }),
    );
  });

  it('does not evict what was released', () => {
    const memory = new BodyMemory(100);
    const [released, other] = [open(memory, 60), open(memory, 30)];
    released.release();
    open(memory, 80);
    expect(evicted([released, other])).toEqual([1]);
  });

  it('says what happened, and what an operator can do; 64 KiB are progress', () => {
    expect(() => new BodyMemory(1).open().hold(2)).toThrow(
      expect.objectContaining({
        message: 'Too many large deliveries at once.',
        hint: expect.stringMatching(/longest without progress\. If somebody .* restrict addresses\.$/),
      }),
    );
    expect(PROGRESS_BYTES).toBe(65_536);
  });

  it('a body that is evicted can be told by its signal, with its bytes no longer counted', () => {
    const memory = new BodyMemory(100);
    const held = open(memory, 60);
    let counted = -1;
    held.evicted.addEventListener('abort', () => {
      counted = memory.heldBytes;
    });
    open(memory, 60);
    expect(counted).toBe(60);
  });
});

describe('a body that is complete and genuine', () => {
  it('counts, and is never evicted: those that arrive are', () => {
    const memory = new BodyMemory(100);
    const [genuine, arriving] = [open(memory, 60), open(memory, 30)];
    genuine.keep();
    const next = open(memory, 20);
    expect(evicted([genuine, arriving, next])).toEqual([1]);
    expect(memory.heldBytes).toBe(80);
    expect(() => next.hold(50)).toThrow(overloaded);
    expect(memory.heldBytes).toBe(60);
  });

  it('may even need more, and then evicts all others, but not itself', () => {
    const memory = new BodyMemory(100);
    const [genuine, arriving] = [open(memory, 60), open(memory, 30)];
    genuine.keep();
    genuine.hold(120);
    expect(evicted([genuine, arriving])).toEqual([1]);
    expect(memory.heldBytes).toBe(120);
    expect(() => open(memory, 1)).toThrow(overloaded);
    genuine.release();
    expect(memory.heldBytes).toBe(0);
    expect(evicted([open(memory, 100)])).toEqual([]);
  });
});
