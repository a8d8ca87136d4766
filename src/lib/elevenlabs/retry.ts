import { setTimeout as sleep } from 'node:timers/promises';
import { ElevenLabsError } from './errors.ts';

export interface RetryPolicy {
  readonly tries: number;
  /** The wait after the first try; it doubles with each further one. */
  readonly firstDelayMs: number;
  /** No single wait is longer, whatever `Retry-After` asks for. */
  readonly longestDelayMs: number;
}

/**
 * Repeats what is safe to repeat (GET, PATCH, DELETE) after lost connections, 408, 429 and server errors: `Retry-After`
 * first, else exponential with jitter (docs/facts/elevenlabs.md#errors-of-the-api). When the deadline passes
 * during a wait, the last failure is thrown.
 */
export async function withRetries<T>(
  policy: RetryPolicy,
  signal: AbortSignal,
  attempt: (tries: number) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt(tries);
    } catch (error) {
      const isWorthIt = error instanceof ElevenLabsError && error.retryable;
      if (!isWorthIt || tries >= policy.tries) throw error;
      await sleep(delayMs(policy, error, tries), undefined, { signal }).catch(() => {
        throw error;
      });
    }
  }
}

function delayMs(policy: RetryPolicy, error: ElevenLabsError, tries: number): number {
  const jitter = 0.75 + Math.random() / 2;
  const wanted =
    error.retryAfterSeconds === undefined
      ? policy.firstDelayMs * 2 ** (tries - 1) * jitter
      : error.retryAfterSeconds * 1000;
  return Math.min(policy.longestDelayMs, wanted);
}
