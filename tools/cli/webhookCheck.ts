import { sign } from './send/sign.ts';

const LIMIT_MS = 30_000;
const LARGEST_ANSWER_BYTES = 256 * 1024;

/** What the app answered; `problem` instead of a status when no answer came. */
export interface AppAnswer {
  readonly status: number | undefined;
  /** The answer when it is a JSON object, else empty. */
  readonly json: Readonly<Record<string, unknown>>;
  /** How far ahead of this machine's clock the answer's `Date` was; it has whole seconds. */
  readonly aheadMs?: number;
  readonly problem?: string;
}

/** Asks a webhook with a signed `webhook_check`, of which the app keeps nothing, whether it knows this secret: 200 says yes. */
export async function checkWebhook(webhook: URL, secret: string, now: () => number = Date.now): Promise<AppAnswer> {
  const seconds = Math.floor(now() / 1000);
  const body = JSON.stringify({ type: 'webhook_check', event_timestamp: seconds, data: {} });
  const headers = { 'content-type': 'application/json', 'elevenlabs-signature': await sign(body, secret, seconds) };
  return askApp(webhook, { method: 'POST', headers, body });
}

/** Asks the initiation webhook, with nothing about a call, whether it knows this secret: 200 says yes. */
export function checkInitiation(webhook: URL, secret: string): Promise<AppAnswer> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${secret}` };
  return askApp(webhook, { method: 'POST', headers, body: '{}' });
}

/** One request without redirects, bounded in time and size; never throws. */
export async function askApp(url: URL, init: RequestInit = {}): Promise<AppAnswer> {
  try {
    const answer = await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(LIMIT_MS) });
    const aheadMs = Date.parse(answer.headers.get('date') ?? '') - Date.now();
    return {
      status: answer.status,
      json: await readObject(answer),
      ...(Number.isFinite(aheadMs) ? { aheadMs } : {}),
    };
  } catch (error) {
    return { status: undefined, json: {}, problem: problemOf(error) };
  }
}

async function readObject({ body }: Response): Promise<Record<string, unknown>> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > LARGEST_ANSWER_BYTES) return {};
    chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}

/** The system's code says it best: ECONNREFUSED, ENOTFOUND. */
function problemOf(error: unknown): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') return `no answer within ${LIMIT_MS / 1000} s`;
  const { cause } = error as { cause?: NodeJS.ErrnoException };
  return cause?.code ?? 'no connection';
}
