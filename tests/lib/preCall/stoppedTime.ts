import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';
import { vi } from 'vitest';

export const MINUTE_MS = 60_000;

/** For `beforeEach`: time stands still unless the test lets it pass. Returns what sets it going again. */
export function stopTime(): () => void {
  vi.useFakeTimers({ now: new Date('2025-12-10T12:34:56Z') });
  const { setTimeout: realSleep } = timers;
  // Vitest's timers leave those of this module alone.
  timers.setTimeout = sleep as typeof realSleep;
  syncBuiltinESMExports();
  return () => {
    vi.useRealTimers();
    timers.setTimeout = realSleep;
    syncBuiltinESMExports();
  };
}

function sleep(ms: number, value: unknown, { signal }: { signal?: AbortSignal } = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(value), ms);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}

/** Lets all come to pass that needs no time. */
export const settle = () => vi.advanceTimersByTimeAsync(0);

/** Lets as much time pass as the promise needs. */
export async function timeFor<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const end = () => {
    isSettled = true;
  };
  promise.then(end, end);
  await settle();
  for (let steps = 0; !isSettled && steps < 500; steps++) await vi.advanceTimersToNextTimerAsync();
  if (!isSettled) throw new Error('It does not come to an end');
  return promise;
}

/** What the promise was rejected with. */
export function failureOf(promise: Promise<unknown>): Promise<unknown> {
  const failure = promise.then(
    (value) => {
      throw new Error(`It did not fail, but gave ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
  return timeFor(failure);
}
