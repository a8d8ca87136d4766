import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebhookError } from '../../../src/lib/errors.ts';
import {
  BLOCK_BYTES,
  BlockPool,
  type LeaseHolder,
  PROGRESS_BYTES,
  WORTHWHILE_BYTES,
} from '../../../src/lib/storage/blockPool.ts';

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
  it('leases blocks that whole base64 quanta fill, over 4 MiB', async () => {
    const block = await new BlockPool(1).take({ flush() {} }, signal);
    expect(block).toHaveLength(BLOCK_BYTES);
    expect(BLOCK_BYTES % 3).toBe(0);
    expect(BLOCK_BYTES).toBeGreaterThan(4 * 1024 * 1024);
  });

  it('leases different blocks up to its bound and counts them', async () => {
    const pool = new BlockPool(3);
    const blocks = await Promise.all([
      pool.take({ flush() {} }, signal),
      pool.take({ flush() {} }, signal),
      pool.take({ flush() {} }, signal),
    ]);
    expect(new Set(blocks.map((block) => block.buffer)).size).toBe(3);
    expect(pool.leased).toBe(3);
    for (const block of blocks) pool.giveBack(block);
    expect(pool.leased).toBe(0);
  });

  it('leases a block again instead of making another', async () => {
    const pool = new BlockPool(3);
    const first = await pool.take({ flush() {} }, signal);
    pool.giveBack(first);
    expect(await pool.take({ flush() {} }, signal)).toBe(first);
    expect(pool.leased).toBe(1);
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
    expect(pool.leased).toBe(2);

    pool.giveBack(second);
    expect(await third).toBe(second);
    expect(await isSettled(fourth)).toBe(false);
    pool.giveBack(first);
    expect(await fourth).toBe(first);
    expect(served).toEqual(['third', 'fourth']);
    expect(pool.leased).toBe(2);
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
    expect(pool.leased).toBe(1);
  });

  it('refuses at once when the signal has fired already, even when a block is free', async () => {
    const pool = new BlockPool(1);
    await expect(pool.take({ flush() {} }, AbortSignal.abort())).rejects.toMatchObject({ code: 'overloaded' });
    expect(pool.leased).toBe(0);
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

  it('listens to no signal any more once it has served', async () => {
    const pool = new BlockPool(1);
    const { signal } = new AbortController();
    const block = await pool.take({ flush() {} }, signal);
    const waiting = pool.take({ flush() {} }, signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    pool.giveBack(block);
    await waiting;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('never leases more than its bound, however many ask', async () => {
    const pool = new BlockPool(4);
    let most = 0;
    const made = new Set<Buffer>();
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        const block = await pool.take({ flush() {} }, signal);
        made.add(block);
        most = Math.max(most, pool.leased);
        await new Promise((resolve) => setImmediate(resolve));
        pool.giveBack(block);
      }),
    );
    expect(most).toBe(4);
    expect(made.size).toBe(4);
    expect(pool.leased).toBe(0);
  });
});

/** Fills its block on request, and hands it over at once when it is asked to; what it hands over comes back when told. */
class TestHolder implements LeaseHolder {
  readonly #pool: BlockPool;
  readonly #flushed: string[];
  readonly name: string;
  block: Buffer | undefined;
  onTheWay: Buffer[] = [];

  constructor(pool: BlockPool, flushed: string[], name: string) {
    this.#pool = pool;
    this.#flushed = flushed;
    this.name = name;
  }

  async take(bytes = 0, until = signal): Promise<void> {
    this.block = await this.#pool.take(this, until);
    this.#pool.wrote(this, bytes);
  }

  flush(): void {
    this.#flushed.push(this.name);
    this.#pool.release(this);
    if (this.block !== undefined) this.onTheWay.push(this.block);
    this.block = undefined;
  }

  comesBack(): void {
    const block = this.onTheWay.shift();
    if (block === undefined) throw new Error(`Nothing of ${this.name} is on its way`);
    this.#pool.giveBack(block);
  }
}

function poolOf(blocks: number) {
  const pool = new BlockPool(blocks);
  const flushed: string[] = [];
  return { pool, flushed, holder: (name: string) => new TestHolder(pool, flushed, name) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
/** What was decided is done, and what follows from that. */
async function turns(): Promise<void> {
  for (let times = 0; times < 3; times++) await turn();
}

describe('a pool whose blocks are all leased', () => {
  it('asks the holder without progress for longest to hand its block over, and a few bytes do not count as progress', async () => {
    const { pool, flushed, holder } = poolOf(3);
    const [first, second, third] = ['first', 'second', 'third'].map(holder) as [TestHolder, TestHolder, TestHolder];
    for (const each of [first, second, third]) await each.take();
    pool.wrote(second, PROGRESS_BYTES - 1);
    pool.wrote(first, PROGRESS_BYTES - 1);
    pool.wrote(first, 1);
    pool.wrote(second, 0);
    const [late, later] = [holder('late'), holder('later')];
    void late.take();
    void later.take();
    await turns();
    expect(flushed).toEqual(['second']);
    second.comesBack();
    await turns();
    expect(flushed).toEqual(['second', 'third']);
    expect(late.block).toBeDefined();
  });

  it('takes 32 KiB for progress and 128 KiB for worth while', () => {
    expect([PROGRESS_BYTES, WORTHWHILE_BYTES]).toEqual([32_768, 131_072]);
  });

  it('hears nothing of those that have no block', async () => {
    const { pool, holder } = poolOf(1);
    const stranger = holder('stranger');
    pool.wrote(stranger, PROGRESS_BYTES);
    pool.release(stranger);
    expect(pool.leased).toBe(0);
  });

  it('asks nobody while as many blocks are on their way back as are waited for', async () => {
    const { pool, flushed, holder } = poolOf(8);
    const all = Array.from({ length: 8 }, (_, at) => holder(`${at}`));
    for (const each of all) await each.take();
    all[5]?.flush(); // it was full
    void holder('late').take();
    await turns();
    expect(flushed).toEqual(['5']);
    expect(pool.leased).toBe(8);
  });

  it.each([
    [1, 1],
    [4, 1],
    [16, 4],
    [17, 5],
  ])(
    'of %i blocks has %i on their way back as long as so many are waited for, and leaves the others be',
    async (blocks, most) => {
      const { flushed, holder } = poolOf(blocks);
      const all = Array.from({ length: blocks }, (_, at) => holder(`${at}`));
      for (const each of all) await each.take();
      for (let waiting = 0; waiting < 20; waiting++) void holder(`waiting ${waiting}`).take();
      await turns();
      expect(flushed).toEqual(all.slice(0, most).map(({ name }) => name));
    },
  );

  it('keeps asking: everybody who waits is served though nobody who has a block goes on', async () => {
    const { flushed, holder } = poolOf(2);
    const all = Array.from({ length: 40 }, (_, at) => holder(`${at}`));
    const served = all.map((each) => each.take(WORTHWHILE_BYTES));
    for (let left = 200; left > 0 && flushed.length < 38; left--) {
      await turn();
      all.find(({ onTheWay }) => onTheWay.length > 0)?.comesBack();
    }
    await Promise.all(served);
    expect(flushed).toEqual(all.slice(0, 38).map(({ name }) => name));
  });

  it('asks whoever was just given a block only when that had time to write', async () => {
    const { pool, holder } = poolOf(1);
    const [first, second] = [holder('first'), holder('second')];
    let written = 0;
    const both = [first, second].map(async (each) => {
      await each.take();
      await Promise.resolve();
      if (each.block !== undefined) written++;
      each.flush();
      each.comesBack();
    });
    await Promise.all(both);
    expect(written).toBe(2);
    expect(pool.leased).toBe(0);
  });
});

describe('those who wait for a block', () => {
  /** A pool of one block that another one has, and three who had it before: dripping twice, and one with enough in it. */
  async function lines() {
    const { pool, flushed, holder } = poolOf(1);
    const [drips, dripsToo, worthwhile] = ['drips', 'drips too', 'worthwhile'].map(holder) as [
      TestHolder,
      TestHolder,
      TestHolder,
    ];
    for (const [each, bytes] of [
      [drips, WORTHWHILE_BYTES - 1],
      [dripsToo, 0],
      [worthwhile, WORTHWHILE_BYTES],
    ] as const) {
      await each.take(bytes);
      each.flush();
      each.comesBack();
    }
    const owner = holder('owner');
    await owner.take(WORTHWHILE_BYTES);
    const served: string[] = [];
    const wait = (each: TestHolder, until = signal) =>
      each.take(WORTHWHILE_BYTES, until).then(() => served.push(each.name));
    return { pool, flushed, holder, owner, drips, dripsToo, worthwhile, served, wait };
  }

  it('wait behind all others when their last block had little in it', async () => {
    const { holder, owner, drips, dripsToo, worthwhile, served, wait } = await lines();
    const late = holder('late');
    const all = [drips, dripsToo, worthwhile, late];
    for (const each of all) void wait(each);
    await turns();
    for (const each of [owner, worthwhile, late, drips]) {
      each.comesBack();
      await turns();
    }
    expect(served).toEqual(['worthwhile', 'late', 'drips', 'drips too']);
  });

  it('wait in front again once they have filled one', async () => {
    const { holder, owner, drips, dripsToo, served, wait } = await lines();
    void wait(drips);
    await turns();
    owner.comesBack();
    await turns();
    void wait(dripsToo);
    await turns();
    const late = holder('late');
    void wait(drips);
    void wait(late);
    drips.comesBack();
    await turns();
    drips.comesBack();
    await turns();
    expect(served).toEqual(['drips', 'drips', 'late']);
  });

  it('get one block at a time when all of them dripped', async () => {
    const { pool, flushed, holder } = poolOf(16);
    const dripping = Array.from({ length: 20 }, (_, at) => holder(`drip ${at}`));
    for (const each of dripping) {
      await each.take(1);
      each.flush();
      each.comesBack();
    }
    const owners = Array.from({ length: 16 }, (_, at) => holder(`owner ${at}`));
    for (const each of owners) await each.take(WORTHWHILE_BYTES);
    flushed.length = 0;
    for (const each of dripping) void each.take(1);
    await turns();
    expect(flushed).toEqual(['owner 0']);
    for (const name of ['one', 'two', 'three']) void holder(name).take();
    await turns();
    expect(flushed).toEqual(['owner 0', 'owner 1', 'owner 2']);
    expect(pool.leased).toBe(16);
  });

  it('leave the line behind, too, when their signal fires, with the reason of it', async () => {
    const { owner, drips, dripsToo, served, wait } = await lines();
    const gone = new AbortController();
    const waiting = wait(drips, gone.signal).catch((error: unknown) => error);
    void wait(dripsToo);
    const reason = new WebhookError('body_cut_off', 400, 'gone');
    gone.abort(reason);
    expect(await waiting).toBe(reason);
    await turns();
    owner.comesBack();
    await turns();
    expect(served).toEqual(['drips too']);
  });
});

it('who gives way waits behind those who came later', async () => {
  const pool = new BlockPool(1);
  const block = await pool.take({ flush() {} }, signal);
  const order: string[] = [];
  const take = async (name: string, holder: LeaseHolder) => {
    const taken = await pool.take(holder, signal);
    order.push(name);
    pool.giveBack(taken);
  };
  const both = [take('background', { givesWay: true, flush() {} }), take('delivery', { flush() {} })];
  pool.giveBack(block);
  await Promise.all(both);
  expect(order).toEqual(['delivery', 'background']);
});
