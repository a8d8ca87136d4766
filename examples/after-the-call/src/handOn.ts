import { setTimeout as sleep } from 'node:timers/promises';
import type { Receiver } from './settings.ts';
import type { Summary } from './summary.ts';

const TRIES = 3;
/** All tries and the time between them are shorter than the lease in onceForCall.ts. */
const TRY_MS = 10_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5_000;
/** Answers after which the same request may succeed a moment later. */
const PASSING = [408, 425, 429, 500, 502, 503, 504];

/**
 * Posts a summary as JSON. A receiver has to take the same call twice: when a process dies after the answer and before that is
 * written down, it is sent again. `Idempotency-Key`, the conversation id, tells it from another call.
 *
 * Throws when no try was answered with 2xx. The error holds a status, nothing of the call.
 */
export async function handOn({ url, token }: Receiver, summary: Summary): Promise<void> {
  const headers = {
    'content-type': 'application/json',
    'idempotency-key': summary.conversation_id,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const body = JSON.stringify(summary);
  for (let tries = 1; ; tries++) {
    const result = await post(url, { headers, body });
    if (result.kind === 'taken') return;
    if (result.kind === 'refused' || tries === TRIES)
      throw new Error(`The receiver did not take the call: ${result.reason}`);
    await sleep(Math.min(result.waitMs ?? FIRST_WAIT_MS * 2 ** (tries - 1), LONGEST_WAIT_MS));
  }
}

type Result =
  | { kind: 'taken' }
  | { kind: 'refused'; reason: string }
  | { kind: 'failed'; reason: string; waitMs?: number };

async function post(url: URL, request: { headers: Record<string, string>; body: string }): Promise<Result> {
  let response: Response;
  try {
    // A redirect would take the summary to an address that nobody has set.
    response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      signal: AbortSignal.timeout(TRY_MS),
      ...request,
    });
  } catch (error) {
    return { kind: 'failed', reason: (error as Error).name === 'TimeoutError' ? 'no answer in time' : 'not reached' };
  }
  await response.body?.cancel().catch(() => {});
  const { ok, status } = response;
  if (ok) return { kind: 'taken' };
  if (!PASSING.includes(status)) return { kind: 'refused', reason: `status ${status}` };
  const seconds = response.headers.get('retry-after') ?? '';
  return {
    kind: 'failed',
    reason: `status ${status}`,
    ...(/^\d+$/.test(seconds) ? { waitMs: Number(seconds) * 1000 } : {}),
  };
}
