import type { App } from '../apps.ts';
import type { Context } from '../context.ts';
import { canLookIntoProcesses, watchMemory, withCpu } from '../processes.ts';
import { judge, type Row, type Target } from '../row.ts';
import { spread, takeTurns } from '../turns.ts';

const SIZES_MB = [1, 25, 50, 100, 200];
const AT_ONCE = [1, 4, 16, 64];
const AT_ONCE_MB = 5;
const ROUNDS = 3;

/** 1 is linear, 2 quadratic. */
const linear: Target = { is: 'at most', limit: 1.1, inShortForm: 1.5, unit: '(1 is linear)' };
const flat: Target = { is: 'at most', limit: 0.1, inShortForm: 0.5, unit: 'MiB per MB' };
const flatPerDelivery: Target = { is: 'at most', limit: 1, inShortForm: 4, unit: 'MiB per delivery from 16 to 64' };

/** What twice the body, and twice as many deliveries at once, cost. */
export async function measureGrowth(context: Context): Promise<Row[]> {
  context.say(`recordings of ${SIZES_MB.join(', ')} MB`);
  const bySize = await pointsOf(context, SIZES_MB, (app, mb) => deliver(context, app, mb, 1));
  context.say(`${AT_ONCE.join(', ')} recordings of ${AT_ONCE_MB} MB at once`);
  const byNumber = await pointsOf(context, AT_ONCE, (app, count) => deliver(context, app, AT_ONCE_MB, count));

  // Below 25 MB the fixed cost of a delivery hides how it grows, and fewer than 16 at once do not need all block buffers.
  const large = bySize.filter(({ x }) => x >= 25);
  const many = byNumber.filter(({ x }) => x >= 16);
  const times = [
    timeRow('body size, 25 → 200 MB', large, context),
    timeRow(`${AT_ONCE_MB} MB, 1 → 64 at once`, byNumber, context),
  ];
  if (!canLookIntoProcesses) return times;
  return [
    ...times,
    memoryRow('body size, 25 → 200 MB', bySize, large, flat, context),
    memoryRow(`${AT_ONCE_MB} MB, 1 → 64 at once`, byNumber, many, flatPerDelivery, context),
  ];
}

/** What was found with one size, or one number at once. */
interface Point {
  readonly x: number;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakMib: number;
}

async function deliver({ load }: Context, { pid, url }: App, bodyMb: number, count: number): Promise<Omit<Point, 'x'>> {
  const memory = watchMemory(pid);
  const { wallMs, cpuMs } = await withCpu({ app: pid }, () =>
    load.ask({ kind: 'recordings', url, bodyBytes: bodyMb * 1e6, count, atOnce: count, signature: 'good' }),
  );
  return { wallMs, cpuMs: cpuMs.app, peakMib: memory().peakMib };
}

/** Each point has an app of its own: one that has grown for a larger point would hide what a smaller one takes. */
async function pointsOf(
  context: Context,
  values: readonly number[],
  measure: (app: App, value: number) => Promise<Omit<Point, 'x'>>,
): Promise<Point[]> {
  const runs: Record<number, () => Promise<Omit<Point, 'x'>>> = {};
  for (const value of values) {
    const app = await context.startApp('ours');
    runs[value] = () => measure(app, value);
  }
  const turns = await takeTurns(ROUNDS, runs);
  return values.map((x) => {
    const middle = (name: 'wallMs' | 'cpuMs' | 'peakMib') => spread((turns[x] ?? []).map((turn) => turn[name])).median;
    return { x, wallMs: middle('wallMs'), cpuMs: middle('cpuMs'), peakMib: middle('peakMib') };
  });
}

function timeRow(what: string, points: readonly Point[], { isShort }: Context): Row {
  const wall = slope(points.map(({ x, wallMs }) => [Math.log(x), Math.log(wallMs)]));
  const cpu = slope(points.map(({ x, cpuMs }) => [Math.log(x), Math.log(cpuMs)]));
  return {
    what: `growth of time, ${what}`,
    measured: `power ${wall.toFixed(2)} of wall time, ${cpu.toFixed(2)} of CPU`,
    against: points.map(({ x, wallMs }) => `${x}: ${wallMs.toFixed(0)} ms`).join(', '),
    ...judge(wall, linear, isShort),
    figures: { wallPower: wall, cpuPower: cpu },
  };
}

function memoryRow(
  what: string,
  points: readonly Point[],
  fitted: readonly Point[],
  target: Target,
  { isShort }: Context,
): Row {
  const rise = slope(fitted.map(({ x, peakMib }) => [x, peakMib]));
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
