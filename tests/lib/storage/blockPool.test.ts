import { describe, expect, it } from 'vitest';
import { WebhookError } from '../../../src/lib/errors.ts';
import { BLOCK_BYTES, BlockPool } from '../../../src/lib/storage/blockPool.ts';

const { signal } = new AbortController();

/** Whether the promise has settled once everything that is ready has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = () => {
    settled = true;
  };
  promise.then(settle, settle);
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

describe('BlockPool', () => {
  it('lends blocks that whole base64 quanta fill, over 4 MiB', async () => {
    const block = await new BlockPool(1).take({ flush() {} }, signal);
    expect(block).toHaveLength(BLOCK_BYTES);
    expect(BLOCK_BYTES % 3).toBe(0);
    expect(BLOCK_BYTES).toBeGreaterThan(4 * 1024 * 1024);
  });

  it('lends different blocks up to its bound and counts them', async () => {
    const pool = new BlockPool(3);
    const blocks = await Promise.all([
      pool.take({ flush() {} }, signal),
      pool.take({ flush() {} }, signal),
      pool.take({ flush() {} }, signal),
    ]);
    expect(new Set(blocks.map((block) => block.buffer)).size).toBe(3);
    expect(pool.lent).toBe(3);
    for (const block of blocks) pool.giveBack(block);
    expect(pool.lent).toBe(0);
  });

  it('lends a block again instead of making another', async () => {
    const pool = new BlockPool(3);
    const first = await pool.take({ flush() {} }, signal);
    pool.giveBack(first);
    expect(await pool.take({ flush() {} }, signal)).toBe(first);
    expect(pool.lent).toBe(1);
  });

  it('lets those over the bound wait, and gives each block to the one who has waited longest', async () => {
    const pool = new BlockPool(2);
    const [first, second] = [await pool.take({ flush() {} }, signal), await pool.take({ flush() {} }, signal)];
    const served: string[] = [];
    const wait = async (name: string) => {
      const block = await pool.take({ flush() {} }, signal);
      served.push(name);
      return block;
    };
    const [third, fourth] = [wait('third'), wait('fourth')];
    expect(await isSettled(third)).toBe(false);
    expect(pool.lent).toBe(2);

    pool.giveBack(second);
    expect(await third).toBe(second);
    expect(await isSettled(fourth)).toBe(false);
    pool.giveBack(first);
    expect(await fourth).toBe(first);
    expect(served).toEqual(['third', 'fourth']);
    expect(pool.lent).toBe(2);
  });

  it('refuses with 503 whoever waits until the signal fires, and passes the block on to the next in line', async () => {
    const pool = new BlockPool(1);
    const block = await pool.take({ flush() {} }, signal);
    const impatient = new AbortController();
    const first = pool.take({ flush() {} }, signal);
    const second = pool.take({ flush() {} }, impatient.signal);
    const third = pool.take({ flush() {} }, signal);
    impatient.abort();
    const failure = await second.catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WebhookError);
    expect(failure).toMatchObject({
      code: 'overloaded',
      status: 503,
      message: 'Too many large deliveries at once.',
      hint: expect.stringContaining('scale out'),
    });

    pool.giveBack(block);
    pool.giveBack(await first);
    expect(await third).toBe(block);
    expect(pool.lent).toBe(1);
  });

  it('refuses at once when the signal has fired already, even when a block is free', async () => {
    const pool = new BlockPool(1);
    await expect(pool.take({ flush() {} }, AbortSignal.abort())).rejects.toMatchObject({ code: 'overloaded' });
    expect(pool.lent).toBe(0);
  });

  it('lets nobody out of the line when the signal of one fires who was served already', async () => {
    const pool = new BlockPool(1);
    const block = await pool.take({ flush() {} }, signal);
    const later = new AbortController();
    const [served, next] = [pool.take({ flush() {} }, later.signal), pool.take({ flush() {} }, signal)];
    pool.giveBack(block);
    later.abort();
    expect(await served).toBe(block);
    expect(await isSettled(next)).toBe(false);
    pool.giveBack(block);
    expect(await next).toBe(block);
  });

  it('never lends more than its bound, however many ask', async () => {
    const pool = new BlockPool(4);
    let most = 0;
    const made = new Set<Buffer>();
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        const block = await pool.take({ flush() {} }, signal);
        made.add(block);
        most = Math.max(most, pool.lent);
        await new Promise((resolve) => setImmediate(resolve));
        pool.giveBack(block);
      }),
    );
    expect(most).toBe(4);
    expect(made.size).toBe(4);
    expect(pool.lent).toBe(0);
  });
});

describe('a pool whose blocks are all lent', () => {
  it('asks the borrower that has been still for longest to hand its block over', async () => {
    const pool = new BlockPool(3);
    const signal = new AbortController().signal;
    const flushed: string[] = [];
    const borrower = (name: string) => {
      let block: Buffer | undefined;
      const self = {
        async fill() {
          block = await pool.take(self, signal);
        },
        flush() {
          flushed.push(name);
          pool.release(self);
          if (block !== undefined) pool.giveBack(block);
        },
      };
      return self;
    };
    const [first, second, third, late, later, last] = ['first', 'second', 'third', 'late', 'later', 'last'].map(
      borrower,
    );
    for (const each of [first, second, third]) await each?.fill();
    if (first !== undefined) pool.touch(first);
    await late?.fill();
    await later?.fill();
    await last?.fill();
    expect(flushed).toEqual(['second', 'third', 'first']);
  });
});
