/**
 * Resolves when this process is asked to end: Ctrl-C, a signal, or the end of the npm or `elw` that runs it. npm does not pass
 * a SIGTERM on to what its shell runs, so the shell's end has to be noticed here.
 */
export function stopRequest(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
    if (process.env['npm_lifecycle_event'] === undefined && process.env['ELW'] === undefined) return;
    const parent = process.ppid;
    setInterval(() => process.ppid !== parent && resolve(), 250).unref();
  });
}
