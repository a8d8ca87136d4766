import { availableParallelism } from 'node:os';
import type { App } from '../apps.ts';
import type { Context } from '../context.ts';
import type { LoadResult } from '../load/commands.ts';
import { withCpu } from '../processes.ts';
import { judge, type Row, type Target } from '../row.ts';
import { ratio, show, spread, takeTurns } from '../turns.ts';

const MIB = 1024 * 1024;
const SIZES_MIB = [1, 12, 100];
const target: Target = { is: 'at most', limit: 1.15, inShortForm: 4, unit: '× the slower stage' };

type Name = 'ours' | 'receive' | 'proxied' | 'stage';
type Turn = LoadResult & { cpuMs: Record<'app' | 'azurite' | 'load', number> };

/**
 * Recordings all the way: socket, app, Azurite. Beside it the two stages alone, and what the library makes of
 * the first.
 */
export async function measureAudio(context: Context): Promise<Row[]> {
  const ours = await context.startApp('ours');
  const receive = await context.startApp('receive');
  const proxied = await context.startApp('receiveProxied');
  const rows: Row[] = [];
  for (const sizeMib of SIZES_MIB) {
    context.say(`${sizeMib} MiB`);
    const count = Math.max(1, Math.round(8 / sizeMib));
    const send = (app: App) => () =>
      withCpu(pidsOf(context, app), () =>
        context.load.ask({
          kind: 'recordings',
          url: app.url,
          bodyBytes: sizeMib * MIB,
          count,
          atOnce: 1,
          signature: 'good',
        }),
      );
    const stage = () =>
      withCpu(pidsOf(context, ours), () =>
        context.load.ask({ kind: 'blocks', storage: context.storage, audioBytes: (sizeMib * MIB * 3) / 4, count }),
      );
    const turns = await takeTurns<Name, Turn>(sizeMib === 100 ? 5 : 9, {
      ours: send(ours),
      receive: send(receive),
      proxied: send(proxied),
      stage,
    });
    rows.push(rowOf(sizeMib, count, turns, context.isShort));
  }
  return rows;
}

function pidsOf({ azuritePid, load }: Context, app: App): Record<'app' | 'azurite' | 'load', number> {
  return { app: app.pid, azurite: azuritePid, load: load.pid };
}

function rowOf(sizeMib: number, count: number, turns: Record<Name, Turn[]>, isShort: boolean): Row {
  const wallsMs = (name: Name) => turns[name].map((turn) => turn.wallMs / count);
  const wallMs = (name: Name) => spread(wallsMs(name));
  const cpuMs = (who: keyof Turn['cpuMs']) => spread(turns.ours.map((turn) => turn.cpuMs[who] / count));
  const slower = wallMs('receive').median > wallMs('stage').median ? 'receive' : 'stage';
  const share = ratio(wallsMs('ours'), wallsMs(slower));
  const [app, azurite, load] = [cpuMs('app'), cpuMs('azurite'), cpuMs('load')];
  const fullCoresMs = (app.median + azurite.median + load.median) / availableParallelism();
  return {
    what: `audio, whole, ${sizeMib} MiB`,
    measured: `${show(share)} ×: ${show(wallMs('ours'))} ms, CPU ${show(app)} ms`,
    against: [
      `receive ${show(wallMs('receive'))}`,
      `stageBlock ${show(wallMs('stage'))}`,
      `receive through the library's proxy ${show(wallMs('proxied'))}`,
      `CPU of all three processes over the cores ${fullCoresMs.toFixed(0)} ms`,
    ].join(', '),
    ...judge(share.median, target, isShort),
    figures: {
      shareOfSlowerStage: share,
      wallMs: wallMs('ours'),
      receiveMs: wallMs('receive'),
      receiveProxiedMs: wallMs('proxied'),
      stageMs: wallMs('stage'),
      appCpuMs: app,
      azuriteCpuMs: azurite,
      loadCpuMs: load,
    },
  };
}
