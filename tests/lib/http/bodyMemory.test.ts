import { describe, expect, it } from 'vitest';
import { type BodyHolder, BodyMemory } from '../../../src/lib/http/bodyMemory.ts';

class Holder implements BodyHolder {
  hasLetGo = false;
  letGo(): void {
    this.hasLetGo = true;
  }
}

const holders = (count: number) => Array.from({ length: count }, () => new Holder());
const thatLetGo = (all: readonly Holder[]) =>
  all.map(({ hasLetGo }, at) => (hasLetGo ? at : -1)).filter((at) => at >= 0);

describe('the memory of all bodies that arrive', () => {
  it('is lent as long as there is some', () => {
    const memory = new BodyMemory(30);
    const all = holders(3);
    for (const holder of all) memory.hold(holder, 10);
    expect(thatLetGo(all)).toEqual([]);
    expect(memory.heldBytes).toBe(30);
  });

  it('counts a holder once, with what it said last', () => {
    const memory = new BodyMemory(30);
    const [holder = new Holder()] = holders(1);
    for (const bytes of [10, 20, 30]) memory.hold(holder, bytes);
    expect(memory.heldBytes).toBe(30);
    expect(holder.hasLetGo).toBe(false);
  });

  it('is taken from the one that holds most, whoever asks for more', () => {
    const memory = new BodyMemory(100);
    const all = holders(4);
    for (const [at, bytes] of [20, 60, 15, 10].entries()) memory.hold(all[at] as Holder, bytes);
    expect(thatLetGo(all)).toEqual([1]);
    expect(memory.heldBytes).toBe(45);
  });

  it('is taken from the one that asks when it holds most itself', () => {
    const memory = new BodyMemory(100);
    const all = holders(2);
    memory.hold(all[0] as Holder, 40);
    memory.hold(all[1] as Holder, 70);
    expect(thatLetGo(all)).toEqual([1]);
    expect(memory.heldBytes).toBe(40);
  });

  it('is taken from as many as it takes', () => {
    const memory = new BodyMemory(100);
    const all = holders(4);
    for (const holder of all.slice(0, 3)) memory.hold(holder, 30);
    memory.hold(all[3] as Holder, 29);
    expect(memory.heldBytes).toBeLessThanOrEqual(100);
    expect(all[3]?.hasLetGo).toBe(false);
  });

  it('comes back when it is released, once', () => {
    const memory = new BodyMemory(30);
    const [holder = new Holder()] = holders(1);
    memory.hold(holder, 10);
    memory.release(holder);
    memory.release(holder);
    expect(memory.heldBytes).toBe(0);
  });
});
