import { canLookIntoProcesses, watchMemory, withCpu } from '../processes.ts';
import { judge, type Row, type Target } from '../row.ts';
import { spread, takeTurns } from '../turns.ts';
import type { World } from '../world.ts';

const SIZES_MB = [1, 25, 50, 100, 200];
const AT_ONCE = [1, 4, 16, 64];
const AT_ONCE_MB = 5;

/** 1 is linear, 2 quadratic. */
const linear: Target = { is: 'at most', limit: 1.1, inShortForm: 1.5, unit: '(1 is linear)' };
const flat: Target = { is: 'at most', limit: 0.1, inShortForm: 0.5, unit: 'MiB per MB' };
const flatPerDelivery: Target = { is: 'at most', limit: 1, inShortForm: 4, unit: 'MiB per delivery from 16 to 64' };

/** What twice the body, and twice as many deliveries at once, cost. */
export async function measureGrowth(world: World): Promise<Row[]> {
  const { pid, url } = await world.startApp('ours');
  const send = (bodyMb: number, count: number) =>
    world.load.ask({ kind: 'recordings', url, bodyBytes: bodyMb * 1e6, count, atOnce: count, signature: 'good' });
  const measure = (bodyMb: number, count: number) => async () => {
    const memory = watchMemory(pid);
    const { wallMs, cpuMs } = await withCpu({ app: pid }, () => send(bodyMb, count));
    return { wallMs, cpuMs: cpuMs.app, peakMib: memory().peakMib };
  };
  const pointsOf = async (
    name: string,
    values: readonly number[],
    run: (value: number) => ReturnType<typeof measure>,
  ) => {
    world.say(`${name}: ${values.join(', ')}`);
    const turns = await takeTurns(3, Object.fromEntries(values.map((value) => [`${value}`, run(value)])));
    return values.map((value) => {
      const of = turns[`${value}`] ?? [];
      return {
        x: value,
        wallMs: spread(of.map(({ wallMs }) => wallMs)).median,
        cpuMs: spread(of.map(({ cpuMs }) => cpuMs)).median,
        peakMib: spread(of.map(({ peakMib }) => peakMib)).median,
      };
    });
  };
  const bySize = await pointsOf('MB', SIZES_MB, (mb) => measure(mb, 1));
  const byNumber = await pointsOf(`recordings of ${AT_ONCE_MB} MB at once`, AT_ONCE, (n) => measure(AT_ONCE_MB, n));
  const many = byNumber.filter(({ x }) => x >= 16);
  // Below 25 MB the fixed cost of a delivery hides how it grows.
  const large = bySize.filter(({ x }) => x >= 25);
  const rows: Row[] = [
    timeRow('body size, 25 → 200 MB', large, 'MB', world),
    timeRow(`${AT_ONCE_MB} MB, 1 → 64 at once`, byNumber, '', world),
  ];
  if (!canLookIntoProcesses) return rows;
  return [
    ...rows,
    memoryRow('body size, 1 → 200 MB', bySize, slope(bySize.map(({ x, peakMib }) => [x, peakMib])), flat, world),
    memoryRow(
      `${AT_ONCE_MB} MB, 1 → 64 at once`,
      byNumber,
      slope(many.map(({ x, peakMib }) => [x, peakMib])),
      flatPerDelivery,
      world,
    ),
  ];
}

interface Point {
  readonly x: number;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakMib: number;
}

function timeRow(what: string, points: readonly Point[], unit: string, { isShort }: World): Row {
  const wall = slope(points.map(({ x, wallMs }) => [Math.log(x), Math.log(wallMs)]));
  const cpu = slope(points.map(({ x, cpuMs }) => [Math.log(x), Math.log(cpuMs)]));
  return {
    what: `growth of time, ${what}`,
    measured: `power ${wall.toFixed(2)} of wall time, ${cpu.toFixed(2)} of CPU`,
    against: points.map(({ x, wallMs }) => `${x} ${unit}: ${wallMs.toFixed(0)} ms`.replace(' :', ':')).join(', '),
    ...judge(wall, linear, isShort),
    figures: { wallPower: wall, cpuPower: cpu },
  };
}

function memoryRow(what: string, points: readonly Point[], rise: number, target: Target, { isShort }: World): Row {
  return {
    what: `growth of memory, ${what}`,
    measured: `${rise.toFixed(2)} ${target.unit}`,
    against: points.map(({ x, peakMib }) => `${x}: ${peakMib.toFixed(0)} MiB`).join(', '),
    ...judge(rise, target, isShort),
    figures: { rise, ...Object.fromEntries(points.map(({ x, peakMib }) => [`peakMibAt${x}`, peakMib])) },
  };
}

/** Of the straight line that fits best (least squares). */
function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [middleX, middleY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const covariance = points.reduce((sum, [x, y]) => sum + (x - middleX) * (y - middleY), 0);
  return covariance / points.reduce((sum, [x]) => sum + (x - middleX) ** 2, 0);
}
