import { expect } from 'vitest';
import type { FaultProxy, HttpFaultProxy } from './faultProxy.ts';
import { until } from './world.ts';

interface Held {
  readonly what: string;
  readonly let: () => void;
}

/** Holds requests between an instance and its two servers, so that a test says what happens in which order. */
export class Hold {
  readonly #held: Held[] = [];
  #holds: (what: string) => boolean = () => false;

  constructor(storage: FaultProxy, elevenLabs: HttpFaultProxy) {
    storage.onRequest = (method, target) => this.#arrive(`${method} ${target.match(/(\w+)\/[^/]+\.json/)?.[1]}`);
    elevenLabs.onRequest = (method, target) =>
      this.#arrive(`ElevenLabs ${method} ${target.includes('/agents/') ? 'agent' : 'voice'}`);
  }

  /** From now on. What is held already stays. */
  hold(holds: (what: string) => boolean): void {
    this.#holds = holds;
  }

  /** Waits until exactly these are held, none of them answered, and lets them through. */
  async wave(...expected: string[]): Promise<void> {
    await this.expect(...expected);
    this.let();
  }

  async expect(...expected: string[]): Promise<void> {
    await this.arrival(expected.length);
    expect(this.#held.map(({ what }) => what).sort()).toEqual(expected.sort());
  }

  async arrival(count = 1): Promise<void> {
    await until(() => this.#held.length >= count || undefined);
  }

  let(which: (what: string) => boolean = () => true): void {
    for (const held of this.#held.filter(({ what }) => which(what))) {
      this.#held.splice(this.#held.indexOf(held), 1);
      held.let();
    }
  }

  /** Lets everything through, now and later. */
  open(): void {
    this.#holds = () => false;
    this.let();
  }

  #arrive(what: string): undefined | Promise<undefined> {
    if (!this.#holds(what)) return undefined;
    return new Promise((resolve) => this.#held.push({ what, let: () => resolve(undefined) }));
  }
}
