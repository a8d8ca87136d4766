import { setTimeout as sleep } from 'node:timers/promises';
import type { InitiationContext } from './context.ts';

/** The start of the process waits for it, and so does every delivery that started it. */
const LIMIT_MS = 2_000;
const PAUSE_MS = 100;

/**
 * Gets a token for storage, a connection and the key of the directory before the first request, which would else spend its
 * deadline on them. Resolves after two seconds at the latest, whatever became of it.
 */
export async function warmUp({ readKey }: Pick<InitiationContext, 'readKey'>): Promise<void> {
  if (readKey === undefined) return;
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), LIMIT_MS);
  try {
    await Promise.race([untilRead(readKey, limit.signal), once(limit.signal)]);
  } finally {
    clearTimeout(timer);
    limit.abort();
  }
}

async function untilRead(readKey: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await readKey();
      return;
    } catch {
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => {});
    }
  }
}

function once(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
