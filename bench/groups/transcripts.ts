import type { App } from '../apps.ts';
import type { Context } from '../context.ts';
import type { LoadResult } from '../load/commands.ts';
import { withCpu } from '../processes.ts';
import { judge, type Row, type Target } from '../row.ts';
import { ratio, show, spread, takeTurns } from '../turns.ts';

const sizes = [
  { size: '30 kB', bodyBytes: 30_000, requests: 256, rounds: 5 },
  { size: '1 MB', bodyBytes: 1_000_000, requests: 32, rounds: 3 },
];
const shortSizes = [{ size: '30 kB', bodyBytes: 30_000, requests: 96, rounds: 3 }];
/** Until then much of each app's time is its compilation. */
const warmUp = { bodyBytes: 30_000, atOnce: 8 };
const CONNECTIONS = [1, 8, 64];

const againstLeast: Target = { is: 'at least', limit: 90, inShortForm: 45, unit: '% of the least app' };
const againstPeers: Target = { is: 'at least', limit: 100, inShortForm: 45, unit: '% of the better peer' };

type Name = 'ours' | 'least' | 'expressSdk' | 'plainFunctions' | 'upload';
type Turn = LoadResult & { cpuMs: Record<'app' | 'azurite' | 'load', number> };

/** Transcripts: rate, latency and CPU, against the least possible Functions app, the peers, and bare uploads. */
export async function measureTranscripts(context: Context): Promise<Row[]> {
  const apps = await context.startApps('ours', 'least', 'expressSdk', 'plainFunctions');
  for (const [name, { url }] of Object.entries(apps)) {
    context.say(`${name} warms up`);
    const count = context.isShort ? 200 : 1000;
    await context.load.ask({ kind: 'transcripts', url, ...warmUp, count, signature: 'good' });
  }
  const rows: Row[] = [];
  let worst = { ofBetterPeer: Number.POSITIVE_INFINITY, where: '' };
  for (const { size, bodyBytes, requests, rounds } of context.isShort ? shortSizes : sizes) {
    for (const atOnce of context.isShort ? [8] : CONNECTIONS) {
      // One after the other they take longest, and vary least.
      const count = atOnce === 1 ? requests / 2 : Math.max(requests, atOnce);
      const what = `transcripts of ${size}, ${atOnce} at a time`;
      context.say(what);
      const turn = (pid: number, work: () => Promise<LoadResult>) => () =>
        withCpu({ app: pid, azurite: context.azuritePid, load: context.load.pid }, work);
      const send = ({ url, pid }: App) =>
        turn(pid, () => context.load.ask({ kind: 'transcripts', url, bodyBytes, count, atOnce, signature: 'good' }));
      const turns = await takeTurns<Name, Turn>(rounds, {
        ours: send(apps.ours),
        least: send(apps.least),
        expressSdk: send(apps.expressSdk),
        plainFunctions: send(apps.plainFunctions),
        upload: turn(context.load.pid, () =>
          context.load.ask({ kind: 'uploads', storage: context.storage, bodyBytes, count, atOnce }),
        ),
      });
      const row = rowOf(what, count, turns, context.isShort);
      rows.push(row.row);
      if (row.ofBetterPeer < worst.ofBetterPeer) worst = { ofBetterPeer: row.ofBetterPeer, where: what };
    }
  }
  rows.push({
    what: 'transcripts, against the better peer',
    measured: `${(worst.ofBetterPeer * 100).toFixed(0)} % of its rate where it is closest`,
    against: worst.where,
    ...judge(worst.ofBetterPeer * 100, againstPeers, context.isShort),
    figures: { shareOfBetterPeer: worst.ofBetterPeer },
  });
  return rows;
}

function rowOf(
  what: string,
  count: number,
  turns: Record<Name, Turn[]>,
  isShort: boolean,
): { row: Row; ofBetterPeer: number } {
  const rates = (name: Name) => turns[name].map(({ perSecond }) => perSecond);
  const rate = (name: Name) => spread(rates(name));
  const cpu = (name: Name) => spread(turns[name].map(({ cpuMs }) => cpuMs.app / count));
  const p50 = spread(turns.ours.map(({ p50Ms }) => p50Ms));
  const p99 = spread(turns.ours.map(({ p99Ms }) => p99Ms));
  const ofLeast = ratio(rates('ours'), rates('least'));
  const ofBetterPeer = Math.min(
    ratio(rates('ours'), rates('expressSdk')).median,
    ratio(rates('ours'), rates('plainFunctions')).median,
  );
  const against = (['least', 'expressSdk', 'plainFunctions'] as const).map(
    (name) => `${labels[name]} ${rate(name).median.toFixed(0)}/s (CPU ${cpu(name).median.toFixed(2)} ms)`,
  );
  return {
    ofBetterPeer,
    row: {
      what,
      measured:
        `${show(ofLeast, 100)} %: ${show(rate('ours'))}/s, p50 ${p50.median.toFixed(1)} ms, p99 ${p99.median.toFixed(1)} ms, ` +
        `CPU ${cpu('ours').median.toFixed(2)} ms`,
      against: [...against, `bare upload ${rate('upload').median.toFixed(0)}/s`].join(', '),
      ...judge(ofLeast.median * 100, againstLeast, isShort),
      figures: {
        perSecond: rate('ours'),
        p50Ms: p50,
        p99Ms: p99,
        cpuMs: cpu('ours'),
        leastPerSecond: rate('least'),
        leastCpuMs: cpu('least'),
        expressSdkPerSecond: rate('expressSdk'),
        expressSdkCpuMs: cpu('expressSdk'),
        plainFunctionsPerSecond: rate('plainFunctions'),
        plainFunctionsCpuMs: cpu('plainFunctions'),
        uploadPerSecond: rate('upload'),
      },
    },
  };
}

const labels = { least: 'least app', expressSdk: 'Express with the SDK', plainFunctions: 'plain Functions' } as const;
