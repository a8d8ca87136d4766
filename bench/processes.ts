import { readFileSync, writeFileSync } from 'node:fs';

/** Whether CPU time and memory of other processes can be read here: both come from /proc of Linux. */
export const canLookIntoProcesses = process.platform === 'linux';

const MS_PER_TICK = 10;

/** CPU time that a process has used so far, all threads, user and system; in steps of 10 ms. NaN where it cannot be read. */
function cpuMs(pid: number): number {
  if (!canLookIntoProcesses) return Number.NaN;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold spaces; user and system time are the 12th and 13th after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

/** Runs `work` and adds what it cost the processes in CPU. */
export async function withCpu<T, Name extends string>(
  pids: Readonly<Record<Name, number>>,
  work: () => Promise<T>,
): Promise<T & { cpuMs: Record<Name, number> }> {
  const names = Object.keys(pids) as Name[];
  const before = names.map((name) => cpuMs(pids[name]));
  const result = await work();
  const used = names.map((name, index) => [name, cpuMs(pids[name]) - (before[index] ?? 0)] as const);
  return { ...result, cpuMs: Object.fromEntries(used) as Record<Name, number> };
}

export interface Memory {
  readonly idleMib: number;
  readonly peakMib: number;
}

/**
 * Resident memory from now on: call what it returns to have the peak since. The kernel keeps the peak, so that nothing falls
 * between two looks.
 */
export function watchMemory(pid: number): () => Memory {
  if (canLookIntoProcesses) writeFileSync(`/proc/${pid}/clear_refs`, '5');
  const idleMib = residentMib(pid, 'VmRSS');
  return () => ({ idleMib, peakMib: residentMib(pid, 'VmHWM') });
}

function residentMib(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  if (!canLookIntoProcesses) return Number.NaN;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
}
