/** Whether work on ten times as much takes about ten times as long, and not a hundred times. */
export function isLinear(work: (times: number) => unknown): boolean {
  const short = cpuMs(() => work(1));
  return cpuMs(() => work(10)) < Math.max(short, 5) * 40;
}

/** The CPU time that synchronous work takes, in ms: a busy machine changes it least. */
function cpuMs(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
