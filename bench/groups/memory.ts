import type { Context } from '../context.ts';
import { canLookIntoProcesses, watchMemory } from '../processes.ts';
import { judge, noTarget, type Row, type Target } from '../row.ts';

const MIB = 1024 * 1024;
const growthOfOne: Target = { is: 'at most', limit: 32, inShortForm: 64, unit: 'MiB above idle' };
const wholeProcess: Target = { is: 'at most', limit: 350, inShortForm: 500, unit: 'MiB in all' };

/** Resident memory of the running app, as one process; idle means after a recording of 1 MiB. */
export async function measureMemory(context: Context): Promise<Row[]> {
  if (!canLookIntoProcesses) return [];
  const { pid, url } = await context.startApp('ours');
  const send = (bodyMib: number, count: number) =>
    context.load.ask({ kind: 'recordings', url, bodyBytes: bodyMib * MIB, count, atOnce: count, signature: 'good' });
  await send(1, 1);
  const rows: Row[] = [];
  const cases = [
    { count: 1, mib: 100 },
    { count: 8, mib: 50 },
    { count: 32, mib: 20 },
  ];
  for (const { count, mib } of context.isShort ? cases.slice(0, 1) : cases) {
    context.say(`${count} × ${mib} MiB`);
    const memory = watchMemory(pid);
    await send(mib, count);
    const { idleMib, peakMib } = memory();
    const growthMib = peakMib - idleMib;
    const verdicts: Record<number, Pick<Row, 'target' | 'met'>> = {
      1: judge(growthMib, growthOfOne, context.isShort),
      32: judge(peakMib, wholeProcess, context.isShort),
    };
    rows.push({
      what: `memory, ${count} × ${mib} MiB at once`,
      measured: `+${growthMib.toFixed(0)} MiB, ${peakMib.toFixed(0)} MiB in all`,
      against: `${idleMib.toFixed(0)} MiB idle`,
      ...(verdicts[count] ?? noTarget),
      figures: { idleMib, peakMib },
    });
  }
  return rows;
}
