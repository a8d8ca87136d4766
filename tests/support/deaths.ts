import { inject } from 'vitest';
import type { Services } from '../../src/lib/services.ts';
import { type FaultProxy, startFaultProxy, startHttpFaultProxy } from './faultProxy.ts';
import { openInstance, type PreCallApp } from './preCallContext.ts';
import { until } from './until.ts';

/** What of its last request a process that dies leaves behind. */
export type Death = 'before its request arrives' | 'before the answer arrives';
export const DEATHS: readonly Death[] = ['before its request arrives', 'before the answer arrives'];

/** More requests than any delivery or sweep makes: the deaths end when one comes through untouched. */
const ENOUGH = 60;

/** Where processes die. */
export interface Deaths {
  /**
   * Lets a process of its own do something and die at its `at`th request, to storage or to ElevenLabs, whichever it is: from
   * then on nothing that it sends arrives anywhere, forever. Returns whether it came that far.
   */
  dieAt(
    at: number,
    death: Death,
    settings: Record<string, string>,
    action: (doomed: Services) => Promise<unknown>,
  ): Promise<boolean>;
  close(): Promise<void>;
}

export async function startDeaths(app: PreCallApp): Promise<Deaths> {
  const storage = await startFaultProxy(inject('storage'));
  const elevenLabs = await startHttpFaultProxy(new URL(app.api.url));
  return {
    dieAt: async (at, death, settings, action) => {
      const doomed = openInstance(app, {
        settings: { ...settings, CallStorage: storage.connectionString },
        apiUrl: elevenLabs.url,
      });
      let sent = 0;
      // Nobody tries again after these, so that the rest of it ends soon.
      const dyingWith =
        (status: number): FaultProxy['onRequest'] =>
        () => {
          sent += 1;
          if (sent < at) return undefined;
          if (sent === at && death === 'before the answer arrives') return { kind: 'lose-answer', status };
          return { kind: 'answer', status };
        };
      storage.onRequest = dyingWith(400);
      elevenLabs.onRequest = dyingWith(403);
      await action(doomed).catch(() => {});
      await until(() => storage.underWay + elevenLabs.underWay === 0 || undefined);
      await doomed.preCall?.elevenLabs.close();
      return sent >= at;
    },
    close: async () => {
      await storage.close();
      await elevenLabs.close();
    },
  };
}

/** Runs one after the other, from 1, until one comes too late to be any. Returns how many were. */
export async function eachInTurn(run: (at: number) => Promise<boolean>): Promise<number> {
  for (let at = 1; at < ENOUGH; at++) if (!(await run(at))) return at - 1;
  throw new Error(`More than ${ENOUGH}: do they ever end?`);
}
