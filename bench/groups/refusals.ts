import type { Context } from '../context.ts';
import type { LoadCommand, Signature } from '../load/commands.ts';
import { withCpu } from '../processes.ts';
import { noTarget, type Row } from '../row.ts';
import { show, spread, takeTurns } from '../turns.ts';

const bodies = [
  { size: '10 kB', kind: 'transcripts', bodyBytes: 10_000, count: 400, atOnce: 16, rounds: 5 },
  { size: '50 MB', kind: 'recordings', bodyBytes: 50e6, count: 8, atOnce: 4, rounds: 3 },
] as const;

/**
 * What somebody without the secret can cost. Without a signature the answer comes by the head alone; with a bad one the
 * body has to be hashed first, and nothing else is done with it.
 */
export async function measureRefusals(context: Context): Promise<Row[]> {
  const app = await context.startApp('ours');
  const floor = await context.startApp('receiveProxied');
  const rows: Row[] = [];
  for (const { size, rounds, ...body } of bodies) {
    context.say(size);
    const send = (signature: Signature, { url, pid } = app) => {
      const command: LoadCommand = { ...body, url, signature };
      return () => withCpu({ app: pid }, () => context.load.ask(command));
    };
    const turns = await takeTurns(rounds, { none: send('none'), bad: send('bad'), floor: send('good', floor) });
    const rate = (name: keyof typeof turns) => spread(turns[name].map(({ perSecond }) => perSecond));
    const cpu = (name: keyof typeof turns) => spread(turns[name].map(({ cpuMs }) => cpuMs.app / body.count));
    for (const [name, what] of [
      ['none', 'unsigned'],
      ['bad', 'badly signed'],
    ] as const) {
      rows.push({
        what: `refusals, ${what}, ${size}`,
        measured: `${show(rate(name))}/s, CPU ${show(cpu(name))} ms`,
        against: `received and forgotten ${show(rate('floor'))}/s, CPU ${show(cpu('floor'))} ms`,
        ...noTarget,
        figures: { perSecond: rate(name), cpuMs: cpu(name), receivePerSecond: rate('floor') },
      });
    }
  }
  return rows;
}
