import { openServices } from '../../src/lib/services.ts';
import { INITIATION_SECRET, SECRET } from '../apps.ts';
import type { Context } from '../context.ts';
import type { LoadResult } from '../load/commands.ts';
import { numberOf } from '../load/questions.ts';
import { judge, type Row, type Target } from '../row.ts';

/** Ours reads two numbers and the agent, where the bare app reads two blobs. */
const slower: Target = { is: 'at most', limit: 3, inShortForm: 8, unit: 'times as long' };
const WRITERS = 32;

/** The answer before a call: known and unknown callers, alone and many at once, beside an app that only reads two blobs. */
export async function measureInitiation({ storage, isShort, load, say, startApp }: Context): Promise<Row[]> {
  const callers = isShort ? 500 : 20_000;
  say(`a directory of ${callers} callers`);
  await fillDirectory(storage, callers);
  const [ours, bare] = [await startApp('ours'), await startApp('twoBlobs')];
  const count = isShort ? 200 : 1_000;
  const rows: Row[] = [];
  for (const atOnce of [1, 16, 64]) {
    const ask = (url: string, kind: 'known' | 'unknown') =>
      load.ask({ kind: 'questions', url, callers: kind === 'known' ? callers : 0, count, atOnce });
    say(`${atOnce} at once`);
    await ask(ours.url, 'known');
    await ask(bare.url, 'known');
    const floor = await ask(bare.url, 'known');
    for (const kind of ['known', 'unknown'] as const) {
      const result = await ask(ours.url, kind);
      rows.push({
        what: `before a call, ${kind} caller, ${atOnce} at once`,
        measured: `${show(result)}, ${callers} callers`,
        against: `${show(floor)} to read two blobs`,
        ...judge(result.p50Ms / floor.p50Ms, slower, isShort),
        figures: { p50Ms: result.p50Ms, p99Ms: result.p99Ms, floorP50Ms: floor.p50Ms, floorP99Ms: floor.p99Ms },
      });
    }
  }
  return rows;
}

async function fillDirectory(storage: string, count: number): Promise<void> {
  const { callers } = openServices({ ELEVENLABS_WEBHOOK_SECRET: SECRET, INITIATION_SECRET, CallStorage: storage });
  if (callers === undefined) throw new Error('there is no directory');
  const numbers = Array.from({ length: count }, (_each, index) => numberOf(index)).values();
  const write = async () => {
    for (const number of numbers) {
      const record = { number, name: 'Jan', source: 'import', updated_at: new Date().toISOString() };
      await callers.change(await callers.hashOf(number), () => record, { isNew: true });
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
}

function show({ p50Ms, p99Ms }: LoadResult): string {
  return `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;
}
