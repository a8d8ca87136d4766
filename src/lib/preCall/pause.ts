import { setTimeout as sleep } from 'node:timers/promises';
import { CloningError } from './errors.ts';

const POLL_MS = 150;

/**
 * Waits before another try of ElevenLabs.
 *
 * @throws {CloningError} 503 when the deadline comes first.
 */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return wait(ms, signal, 'ElevenLabs could not be reached in time', undefined);
}

/**
 * Waits before another look at what another delivery, or the sweep, has locked.
 *
 * @throws {CloningError} 503 when the deadline comes first, which names what was locked.
 */
export function waitForLock(what: 'conversation' | 'voice' | 'agent', signal: AbortSignal): Promise<void> {
  const hint = `Another delivery, or the sweep, held the lock of the ${what} until the deadline. Lines of the same ${what} say what it did.`;
  return wait(POLL_MS, signal, 'Another request of the same call, voice or agent is still in progress', hint);
}

async function wait(ms: number, signal: AbortSignal, message: string, hint: string | undefined): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((cause: unknown) => {
    throw new CloningError('upstream_unavailable', 503, message, hint === undefined ? { cause } : { cause, hint });
  });
}
