const LIMIT_MS = 10_000;

/**
 * Reads off and forgets what a handler left of a request's body. The host sends the next request over the same connection
 * to the worker; a body that stands there unread, cancelled or not, makes that one wait for ever (seen with a 17 MB body
 * refused half-way). Gives up on a sender that takes longer than ten seconds. Never rejects.
 */
export async function discardBody(body: unknown): Promise<void> {
  // The library types it as Node's web stream of any; a body that is still locked has a reader of its own.
  if (!(body instanceof ReadableStream) || body.locked) return;
  const reader = body.getReader();
  const timer = setTimeout(() => reader.releaseLock(), LIMIT_MS);
  try {
    while (!(await reader.read()).done);
  } catch {
    // The sender has gone, or the time is up.
  } finally {
    clearTimeout(timer);
  }
}
