import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestError } from '../errors.ts';

/** A request on the library's server that has not been answered yet. */
export interface Arrival {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Gives it to the library, which then holds it until it is answered. */
  readonly handOver: () => void;
  /** Why no function may see it. */
  readonly refusal: RequestError | undefined;
  /** When it began, by `performance.now()`. */
  readonly beganAtMs: number;
}

/** Where requests and invocations meet. The host sends the two on different ways, and either may come first, or alone. */
export class Arrivals {
  readonly #open = new Map<string, Arrival>();
  readonly #alone = new Map<string, NodeJS.Timeout>();
  readonly #awaited = new Map<string, (arrival: Arrival) => void>();

  /** The request of an invocation, while it is not answered. */
  get(invocationId: string): Arrival | undefined {
    return this.#open.get(invocationId);
  }

  /** A request has arrived. When its invocation does not begin in time, it is forgotten and `onAlone` is called. */
  add(invocationId: string, arrival: Arrival, { waitMs, onAlone }: { waitMs: number; onAlone: () => void }): void {
    this.#open.set(invocationId, arrival);
    arrival.response.once('close', () => this.#forget(invocationId, arrival));
    const meet = this.#awaited.get(invocationId);
    if (meet !== undefined) {
      meet(arrival);
      return;
    }
    const giveUp = () => {
      this.#forget(invocationId, arrival);
      onAlone();
    };
    this.#alone.set(invocationId, setTimeout(giveUp, waitMs).unref());
  }

  /** An invocation has begun: resolves with its request, now or on arrival. Rejects when none arrives in time. */
  async meet(invocationId: string, waitMs: number): Promise<Arrival> {
    const arrival = this.#open.get(invocationId);
    if (arrival === undefined) return this.#next(invocationId, waitMs);
    this.#isMet(invocationId);
    return arrival;
  }

  #next(invocationId: string, waitMs: number): Promise<Arrival> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#awaited.delete(invocationId);
        reject(new Error(`The request of this invocation did not arrive within ${waitMs / 1000} s.`));
      };
      const timer = setTimeout(giveUp, waitMs).unref();
      this.#awaited.set(invocationId, (arrival) => {
        clearTimeout(timer);
        this.#awaited.delete(invocationId);
        resolve(arrival);
      });
    });
  }

  #isMet(invocationId: string): void {
    clearTimeout(this.#alone.get(invocationId));
    this.#alone.delete(invocationId);
  }

  #forget(invocationId: string, arrival: Arrival): void {
    if (this.#open.get(invocationId) !== arrival) return;
    this.#open.delete(invocationId);
    this.#isMet(invocationId);
  }
}

/** Those of this process: it has one library, and that has one server. */
export const arrivals = new Arrivals();
