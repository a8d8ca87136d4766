/**
 * Which turn is heard at a time: the last one that has begun. Turns have whole seconds, so of several in one second it is the last
 * that says something. -1 before the first.
 */
export function turnAt(
  turns: readonly {
    readonly time_in_call_secs?: number | null | undefined;
    readonly message?: string | null | undefined;
  }[],
  seconds: number,
): number {
  let found = -1;
  for (const [index, { time_in_call_secs: begin, message }] of turns.entries()) {
    if (typeof begin !== 'number' || begin > seconds) continue;
    const isLater = found === -1 || begin > (turns[found]?.time_in_call_secs ?? 0);
    if (isLater || message) found = index;
  }
  return found;
}
