import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';

/** What befalls a connection, both directions of it, from some byte on. */
export type TcpFault =
  /** Every piece is late by so much, or by something up to it. */
  | { readonly kind: 'latency' | 'jitter'; readonly ms: number }
  | { readonly kind: 'bandwidth'; readonly bytesPerSecond: number }
  /** Odd pieces, down to a single byte. */
  | { readonly kind: 'slicing' }
  /** Both ends are told that the other one has reset the connection. */
  | { readonly kind: 'reset' }
  /** Nothing comes through any more, and the end comes late. */
  | { readonly kind: 'slow-close'; readonly ms: number }
  /** Both ends see the connection end, as if all had been said. */
  | { readonly kind: 'cut' }
  /** Nothing comes through any more, and nobody is told. */
  | { readonly kind: 'black-hole' };

/** One request and its answer, as far as they have passed. */
export interface WireExchange {
  /** Over all connections, from 1. */
  readonly number: number;
  /** Method and target. */
  readonly line: string;
  requestBytes: number;
  answerBytes: number;
}

export interface PlannedFault {
  readonly fault: TcpFault;
  readonly phase: 'request' | 'answer';
  /** So many bytes of that phase still pass. */
  readonly afterBytes: number;
  readonly onBegin?: () => void;
}

/** All connections of one hop: what has passed, and who decides what befalls them. */
export interface Wire {
  readonly exchanges: WireExchange[];
  /** What befalls a new connection before a byte has passed. */
  onConnect: () => TcpFault | undefined;
  /** What is going to befall the connection that this exchange is on. */
  onExchange: (exchange: WireExchange) => PlannedFault | undefined;
}

const SLICES = [1, 2, 700, 3, 1_400, 7, 16_384];
const REQUEST_LINE = /^([A-Z]{3,8} \S+) HTTP\/1\.[01]\r\n/;

/** One connection through the proxy. */
export class TcpLink {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #wire: Wire;
  #fault: TcpFault | undefined;
  #exchange: WireExchange | undefined;
  #plan: PlannedFault | undefined;
  #phase: 'idle' | 'request' | 'answer' = 'idle';

  constructor(client: Socket, upstream: URL, wire: Wire) {
    this.#client = client;
    this.#wire = wire;
    this.#server = connect({
      host: upstream.hostname,
      port: Number(upstream.port),
      allowHalfOpen: true,
      noDelay: true,
    });
    for (const end of [this.#client, this.#server]) {
      end.on('error', () => {});
      end.once('close', () => {
        if (this.#fault?.kind !== 'black-hole') this.drop();
      });
    }
    const fault = wire.onConnect();
    if (fault !== undefined) this.#begin(fault);
    void this.#pump(this.#client, this.#server, (bytes) => this.#onRequestBytes(bytes));
    void this.#pump(this.#server, this.#client, (bytes) => this.#onAnswerBytes(bytes));
  }

  get isOver(): boolean {
    return this.#client.destroyed && this.#server.destroyed;
  }

  drop(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  /** `note` says how many of the bytes pass before a fault begins; undefined when none does. */
  async #pump(from: Socket, to: Socket, note: (bytes: Buffer) => number | undefined): Promise<void> {
    try {
      for await (const bytes of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        const passing = note(bytes);
        if (passing === undefined) await this.#pass(bytes, to);
        else {
          await this.#pass(bytes.subarray(0, passing), to);
          if (this.#plan !== undefined) this.#begin(this.#plan.fault, this.#plan.onBegin);
          await this.#pass(bytes.subarray(passing), to);
        }
      }
      if (!this.#isSilent()) to.end();
    } catch {
      // One end is gone, and its close takes the other one along.
    }
  }

  #onRequestBytes(bytes: Buffer): number | undefined {
    const line = this.#phase === 'request' ? undefined : REQUEST_LINE.exec(bytes.toString('latin1', 0, 4096))?.[1];
    if (line !== undefined) {
      this.#exchange = { number: this.#wire.exchanges.length + 1, line, requestBytes: 0, answerBytes: 0 };
      this.#wire.exchanges.push(this.#exchange);
      this.#plan = this.#wire.onExchange(this.#exchange);
      this.#phase = 'request';
    }
    const before = this.#exchange?.requestBytes ?? 0;
    if (this.#exchange !== undefined) this.#exchange.requestBytes += bytes.length;
    return this.#due('request', before, bytes.length);
  }

  #onAnswerBytes(bytes: Buffer): number | undefined {
    this.#phase = 'answer';
    const before = this.#exchange?.answerBytes ?? 0;
    if (this.#exchange !== undefined) this.#exchange.answerBytes += bytes.length;
    return this.#due('answer', before, bytes.length);
  }

  #due(phase: PlannedFault['phase'], before: number, length: number): number | undefined {
    if (this.#plan?.phase !== phase) return undefined;
    const left = this.#plan.afterBytes - before;
    return left >= 0 && left < length ? left : undefined;
  }

  #begin(fault: TcpFault, onBegin?: () => void): void {
    this.#fault = fault;
    this.#plan = undefined;
    onBegin?.();
    const ends = [this.#client, this.#server];
    if (fault.kind === 'reset') for (const end of ends) end.resetAndDestroy();
    if (fault.kind === 'cut') for (const end of ends) end.destroySoon();
    if (fault.kind === 'slow-close') setTimeout(() => ends.forEach((end) => void end.destroySoon()), fault.ms);
  }

  #isSilent(): boolean {
    return this.#fault !== undefined && ['reset', 'cut', 'slow-close', 'black-hole'].includes(this.#fault.kind);
  }

  async #pass(bytes: Buffer, to: Socket): Promise<void> {
    if (bytes.length === 0 || this.#isSilent()) return;
    const fault = this.#fault;
    if (fault?.kind === 'latency') await pause(fault.ms);
    if (fault?.kind === 'jitter') await pause(Math.random() * fault.ms);
    if (fault?.kind === 'bandwidth') await pause((bytes.length / fault.bytesPerSecond) * 1000);
    if (fault?.kind === 'slicing') await this.#passInSlices(bytes, to);
    else await write(bytes, to);
  }

  async #passInSlices(bytes: Buffer, to: Socket): Promise<void> {
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const length = SLICES[turn % SLICES.length] ?? 1;
      await write(bytes.subarray(at, at + length), to);
      await nextTurn();
      at += length;
    }
  }
}

async function write(bytes: Buffer, to: Socket): Promise<void> {
  if (to.destroyed || to.write(bytes)) return;
  const gone = new AbortController();
  const { signal } = gone;
  await Promise.race([once(to, 'drain', { signal }), once(to, 'close', { signal })]).catch(() => {});
  gone.abort();
}
