import { expect, inject } from 'vitest';
import type { Services } from '../../src/lib/services.ts';
import type { Answer } from './context.ts';
import { type FaultProxy, type HttpFaultProxy, startFaultProxy, startHttpFaultProxy } from './faultProxy.ts';
import {
  jsonRequest,
  metadataOf,
  newSample,
  openInstance,
  type PreCallApp,
  sendPreCall,
  startInstances,
} from './preCallContext.ts';
import { until } from './until.ts';

/** The app with a hold on what some of its instances send. */
export interface HeldApp {
  readonly app: PreCallApp;
  readonly hold: Hold;
  readonly elevenLabs: HttpFaultProxy;
  /** Two instances of an installation of its own: one whose requests can be held, and one that nothing holds up. */
  install(settings?: Record<string, string>): Promise<{ held: Services; free: Services }>;
  deliver(instance: Services, call: object, sample?: Buffer, name?: string): Promise<Answer>;
  close(): Promise<void>;
}

export async function startHeldApp(): Promise<HeldApp> {
  const app = await startInstances(1);
  const storage = await startFaultProxy(inject('storage'));
  const elevenLabs = await startHttpFaultProxy(new URL(app.api.url));
  let installations = 0;
  return {
    app,
    hold: new Hold(storage, elevenLabs),
    elevenLabs,
    async install(more = {}) {
      const settings = { PRECALL_STATE_STORAGE_PATH: `${app.containers.state}/${++installations}`, ...more };
      const through = { ...settings, CallStorage: storage.connectionString };
      const held = openInstance(app, { settings: through, apiUrl: elevenLabs.url });
      await held.preCall?.installation(held.preCall.state); // what comes once in a process
      return { held, free: openInstance(app, { settings }) };
    },
    deliver(instance, call, sample = newSample(), name = 'Ivan') {
      app.instances = [instance];
      return sendPreCall(app, jsonRequest(metadataOf(undefined, { ...call, caller_metadata: { name } }), sample));
    },
    async close() {
      await app.close();
      await storage.close();
      await elevenLabs.close();
    },
  };
}

interface Held {
  readonly what: string;
  readonly let: () => void;
}

/** What a delivery may send at any time on a busy machine. */
const SIGN_OF_LIFE = 'PUT conversations';

/** Holds requests between an instance and its two servers, so that a test says what happens in which order. */
class Hold {
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
    const more = await until(() => this.#beside(expected));
    expect(more.filter((what) => what !== SIGN_OF_LIFE)).toEqual([]);
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

  /** What is held beside these; undefined as long as not all of them are. */
  #beside(expected: readonly string[]): string[] | undefined {
    const held = this.#held.map(({ what }) => what);
    for (const what of expected) {
      const at = held.indexOf(what);
      if (at === -1) return undefined;
      held.splice(at, 1);
    }
    return held;
  }

  #arrive(what: string): undefined | Promise<undefined> {
    if (!this.#holds(what)) return undefined;
    return new Promise((resolve) => this.#held.push({ what, let: () => resolve(undefined) }));
  }
}
