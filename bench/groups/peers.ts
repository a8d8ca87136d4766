import type { App } from '../apps.ts';
import type { Context } from '../context.ts';
import type { LoadResult } from '../load/commands.ts';
import { watchMemory, withCpu } from '../processes.ts';
import { judge, noTarget, type Row, type Target } from '../row.ts';
import { ratio, type Spread, show, spread, takeTurns } from '../turns.ts';

const MIB = 1024 * 1024;
const BODY_MIB = 100;
const IN_SHORT_FORM_MIB = 50;
/** A call of two minutes at 128 kbit/s, many of them one after the other. */
const TYPICAL = { mib: 2, count: 20, rounds: 5 };
const peers = { expressSdk: 'Express with the SDK', plainFunctions: 'plain Functions' } as const;

const wallTarget: Target = { is: 'at most', limit: 0.5, inShortForm: 1.2, unit: '× the better peer' };
const cpuTarget: Target = { is: 'at most', limit: 1, inShortForm: 1, unit: '× the better peer' };
const typicalTarget: Target = { is: 'at most', limit: 1, inShortForm: 1, unit: '× the better peer' };
const memoryTarget: Target = { is: 'at most', limit: 0.1, inShortForm: 0.3, unit: '× the better peer' };

type Name = 'ours' | keyof typeof peers;
type Turn = LoadResult & { cpuMs: Record<'app' | 'azurite', number> };

/** A large recording, against what people would write instead: wall time, CPU, and how far memory grows. */
export async function measurePeers(context: Context): Promise<Row[]> {
  const mib = context.isShort ? IN_SHORT_FORM_MIB : BODY_MIB;
  const apps = await context.startApps('ours', 'expressSdk', 'plainFunctions');
  const send = ({ url }: App, bodyMib: number) =>
    context.load.ask({ kind: 'recordings', url, bodyBytes: bodyMib * MIB, count: 1, atOnce: 1, signature: 'good' });
  const turn = (app: App) => () => withCpu({ app: app.pid, azurite: context.azuritePid }, () => send(app, mib));

  // Idle means after a first recording, a small one: what is kept for the next must not hide what a large one takes.
  for (const app of Object.values(apps)) await send(app, 1);
  const memory = {
    ours: watchMemory(apps.ours.pid),
    expressSdk: watchMemory(apps.expressSdk.pid),
    plainFunctions: watchMemory(apps.plainFunctions.pid),
  };
  context.say(`${mib} MiB: ours, ${Object.values(peers).join(', ')}`);
  const turns = await takeTurns<Name, Turn>(context.isShort ? 2 : 5, {
    ours: turn(apps.ours),
    expressSdk: turn(apps.expressSdk),
    plainFunctions: turn(apps.plainFunctions),
  });
  const growth = ({ idleMib, peakMib } = memory.ours()) => [peakMib - idleMib];
  const what = `recording of ${mib} MiB`;
  const rows = [
    compare(
      `${what}, wall time`,
      'ms',
      wallTarget,
      byName(turns, ({ wallMs }) => wallMs),
      context,
    ),
    compare(
      `${what}, CPU of the app`,
      'ms',
      cpuTarget,
      byName(turns, ({ cpuMs }) => cpuMs.app),
      context,
    ),
    {
      ...compare(
        `${what}, CPU of Azurite`,
        'ms',
        cpuTarget,
        byName(turns, ({ cpuMs }) => cpuMs.azurite),
        context,
      ),
      ...noTarget,
    },
    compare(
      `${what}, memory growth`,
      'MiB',
      memoryTarget,
      { ours: growth(), expressSdk: growth(memory.expressSdk()), plainFunctions: growth(memory.plainFunctions()) },
      context,
    ),
  ];
  return context.isShort ? rows : [...rows, ...(await measureTypical(context, apps))];
}

/** The recording of a usual call: wall time and CPU for one. */
async function measureTypical(context: Context, apps: Record<Name, App>): Promise<Row[]> {
  const { mib, count, rounds } = TYPICAL;
  context.say(`${mib} MiB: ours, ${Object.values(peers).join(', ')}`);
  const turn =
    ({ url, pid }: App) =>
    () =>
      withCpu({ app: pid, azurite: context.azuritePid }, () =>
        context.load.ask({ kind: 'recordings', url, bodyBytes: mib * MIB, count, atOnce: 1, signature: 'good' }),
      );
  const turns = await takeTurns<Name, Turn>(rounds, {
    ours: turn(apps.ours),
    expressSdk: turn(apps.expressSdk),
    plainFunctions: turn(apps.plainFunctions),
  });
  const what = `recording of ${mib} MiB`;
  const wallMs = byName(turns, (each) => each.wallMs / count);
  const cpuMs = byName(turns, (each) => each.cpuMs.app / count);
  return [
    compare(`${what}, wall time`, 'ms', typicalTarget, wallMs, context),
    compare(`${what}, CPU of the app`, 'ms', typicalTarget, cpuMs, context),
  ];
}

function byName(turns: Record<Name, Turn[]>, pick: (turn: Turn) => number): Record<Name, number[]> {
  return {
    ours: turns.ours.map(pick),
    expressSdk: turns.expressSdk.map(pick),
    plainFunctions: turns.plainFunctions.map(pick),
  };
}

function compare(
  what: string,
  unit: string,
  target: Target,
  values: Record<Name, number[]>,
  { isShort }: Context,
): Row {
  const spreads: Record<Name, Spread> = {
    ours: spread(values.ours),
    expressSdk: spread(values.expressSdk),
    plainFunctions: spread(values.plainFunctions),
  };
  const better = spreads.expressSdk.median < spreads.plainFunctions.median ? 'expressSdk' : 'plainFunctions';
  const share = ratio(values.ours, values[better]);
  return {
    what,
    measured: `${show(share)} ×: ${show(spreads.ours)} ${unit}`,
    against: `${peers.expressSdk} ${show(spreads.expressSdk)}, ${peers.plainFunctions} ${show(spreads.plainFunctions)} ${unit}`,
    ...(Number.isNaN(share.median) ? noTarget : judge(share.median, target, isShort)),
    figures: { ...spreads, shareOfBetter: share },
  };
}
