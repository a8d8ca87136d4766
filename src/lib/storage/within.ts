/** Ends the waiting even when the operation does not heed its signal, as asking for a token does not. */
export async function within<T>(
  ms: number,
  outer: AbortSignal | undefined,
  operation: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const stop = () => {
    limit.abort();
    reject(new AbortError('The time limit has passed'));
  };
  try {
    timer = setTimeout(stop, Math.max(0, ms));
    outer?.addEventListener('abort', stop, { once: true });
    if (outer?.aborted) stop();
    return await Promise.race([operation(limit.signal), ended]);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener('abort', stop);
    ended.catch(() => {});
  }
}

class AbortError extends Error {
  override readonly name = 'AbortError';
}
