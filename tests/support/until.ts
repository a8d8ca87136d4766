/**
 * Waits for a condition instead of sleeping.
 *
 * @param limitMs only ends a test that fails: a busy machine may stand still for seconds.
 * @returns what `look` gave, once it is neither undefined nor false.
 */
export async function until<T>(look: () => Promise<T | undefined> | T | undefined, limitMs = 60_000): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`Did not come true within ${limitMs / 1000} s: ${look}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
