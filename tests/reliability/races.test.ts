import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Services } from '../../src/lib/services.ts';
import { BLOCK_BYTES } from '../../src/lib/storage/blockPool.ts';
import type { Answer } from '../support/context.ts';
import { DEATHS, type Deaths, eachInTurn, startDeaths } from '../support/deaths.ts';
import {
  changesOf,
  clonesOf,
  INSTANCE_HEADER,
  MINUTE_MS,
  openInstance,
  type PreCallApp,
  sha256,
  startInstances,
  sweepOn,
} from '../support/preCallContext.ts';
import {
  type Delivery,
  deliver,
  isWhole,
  newPreCall,
  newRecording,
  newTranscript,
  placeOf,
  storedOf,
} from './deliveries.ts';
import { deliverForged, forge } from './forged.ts';

const INSTANCES = 4;
const AT_ONCE = 50;
const HOUR_MS = 60 * MINUTE_MS;
/** The smallest recording that is staged, committed, copied and deleted. */
const TWO_BLOCKS = BLOCK_BYTES + 1_000;

let app: PreCallApp;
let deaths: Deaths;
let instances: Services[];
beforeAll(async () => {
  app = await startInstances(INSTANCES);
  ({ instances } = app);
  deaths = await startDeaths(app);
});
afterAll(async () => {
  await app.close();
  await deaths.close();
});

const KINDS: readonly [string, (call?: Delivery['call']) => Delivery][] = [
  ['transcript', newTranscript],
  ['small recording', (call) => newRecording(randomBytes(50_000), call)],
  ['large recording', (call) => newRecording(randomBytes(TWO_BLOCKS), call)],
];

const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));
const statuses = (answers: readonly Answer[]) => [...new Set(answers.map(({ status }) => status))];
/** An answer does not wait long for the deletion in `incoming`: what a busy machine left there, a sweep deletes. */
async function tidied(delivery: Delivery) {
  await sweepOn(aheadBy(HOUR_MS));
  return storedOf(app, delivery);
}
const inIncoming = () => app.context.storedIn(app.context.containers.incoming);
/** An instance whose clock is off. */
const aheadBy = (ms: number) => openInstance({ clock: { aheadMs: ms, now: () => Date.now() + ms } });

/** The log lines of the deliveries of a call, by what became of them. */
function outcomesOf({ call }: Delivery): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { message } of app.context.lines) {
    if (!message.startsWith('delivery ') || !message.includes(call.conversation_id)) continue;
    const outcome = /outcome=(\S+)/.exec(message)?.[1] ?? '';
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

/** Why deliveries of a call were not kept, for whoever reads that a test has failed. */
const refusalsOf = ({ call }: Delivery) =>
  app.context.lines
    .map(({ message }) => message)
    .filter((message) => message.includes(call.conversation_id) && /outcome=(refused|failed)/.test(message))
    .join('\n');

describe.each(KINDS)('a %s', (_name, make) => {
  it(`that comes ${AT_ONCE} times at once to ${INSTANCES} instances is stored once, and each gets 200`, async () => {
    const delivery = make();
    const answers = await Promise.all(times(AT_ONCE, () => deliver(app, delivery)));
    expect(statuses(answers), refusalsOf(delivery)).toEqual([200]);
    const blobs = await tidied(delivery);
    expect(blobs.map(({ path }) => path)).toEqual([placeOf(app, delivery)]);
    expect(isWhole(delivery, blobs[0]?.bytes ?? Buffer.alloc(0))).toBe(true);
    expect(outcomesOf(delivery)).toEqual({ stored: 1, duplicate: AT_ONCE - 1 });
  });

  it('and another one of the same call, both many times at once: both are kept, each once', async () => {
    const one = make();
    const other = make(one.call);
    const answers = await Promise.all(times(20, (at) => deliver(app, at % 2 === 0 ? one : other)));
    expect(statuses(answers)).toEqual([200]);
    const blobs = await tidied(one);
    expect(blobs.map(({ bytes }) => sha256(bytes)).sort()).toEqual(
      [one, other].map(({ bytes }) => sha256(bytes)).sort(),
    );
    expect(blobs.map(({ path }) => path)).toContain(placeOf(app, one));
    expect(outcomesOf(one)).toEqual({ stored: 1, 'kept-beside': 1, duplicate: 18 });
  });

  it('that races forged copies under the same ids wins, and they leave nothing', async () => {
    const delivery = make();
    const forged = times(12, () => forge(delivery));
    const [refused, answers] = await Promise.all([
      Promise.all(forged.map((each) => deliverForged(app, each))),
      Promise.all(times(3, () => deliver(app, delivery))),
    ]);
    expect(statuses(refused)).toEqual([401]);
    expect(statuses(answers)).toEqual([200]);
    const blobs = await tidied(delivery);
    expect(blobs.map(({ path }) => path)).toEqual([placeOf(app, delivery)]);
    expect(isWhole(delivery, blobs[0]?.bytes ?? Buffer.alloc(0))).toBe(true);
    const visible = (await app.context.stored()).map(({ bytes }) => sha256(bytes));
    for (const { bytes } of forged) expect(visible).not.toContain(sha256(bytes));
  });
});

describe('a process that dies between commit, copy and delete', () => {
  it.each(DEATHS)('%s: sweeps of all instances and the same recording race for what is left', async (death) => {
    const sweepers = times(INSTANCES, () => aheadBy(HOUR_MS));
    await eachInTurn(async (at) => {
      const delivery = newRecording(randomBytes(TWO_BLOCKS));
      const died = await deaths.dieAt(at, death, {}, (doomed) => {
        app.instances = [doomed];
        return deliver(app, delivery);
      });
      app.instances = instances;
      const [answers, lines] = await Promise.all([
        Promise.all(times(3, () => deliver(app, delivery))),
        Promise.all(sweepers.map(sweepOn)),
      ]);
      const where = `crash at request ${at}`;
      expect(statuses(answers), where).toEqual([200]);
      expect(
        lines.flat().filter((line) => line.startsWith('ERROR')),
        where,
      ).toEqual([]);
      for (const sweeper of sweepers.slice(1)) await sweepOn(sweeper);
      const blobs = await storedOf(app, delivery);
      expect(
        blobs.map(({ path }) => path),
        where,
      ).toEqual([placeOf(app, delivery)]);
      expect(isWhole(delivery, blobs[0]?.bytes ?? Buffer.alloc(0)), where).toBe(true);
      return died;
    });
    expect(await inIncoming()).toEqual([]);
  });
});

describe('clocks that jump', () => {
  it('ahead by an hour, on an instance that sweeps without end while recordings come: each is stored once', async () => {
    const sweeper = aheadBy(HOUR_MS);
    const deliveries = times(12, () => newRecording(randomBytes(TWO_BLOCKS)));
    let isDone = false;
    const lines: string[] = [];
    const sweeping = (async () => {
      while (!isDone) lines.push(...(await sweepOn(sweeper)));
    })();
    const answers = await Promise.all(deliveries.map((delivery) => deliver(app, delivery)));
    isDone = true;
    await sweeping;
    expect(statuses(answers)).toEqual([200]);
    expect(lines.filter((line) => line.startsWith('ERROR'))).toEqual([]);
    for (const delivery of deliveries) {
      const blobs = await storedOf(app, delivery);
      expect(blobs.map(({ path }) => path)).toEqual([placeOf(app, delivery)]);
      expect(isWhole(delivery, blobs[0]?.bytes ?? Buffer.alloc(0))).toBe(true);
    }
  });

  it('back by an hour, on an instance that sweeps: what is left behind stays until the clock is right again', async () => {
    const delivery = newRecording(randomBytes(TWO_BLOCKS));
    const isLeft = async () => (await storedOf(app, delivery)).some(({ path }) => path.startsWith('incoming'));
    let left = false;
    for (let at = 1; !left; at++) {
      await deaths.dieAt(at, 'before the answer arrives', {}, (doomed) => {
        app.instances = [doomed];
        return deliver(app, delivery);
      });
      left = await isLeft();
    }
    app.instances = instances;
    await sweepOn(aheadBy(-HOUR_MS));
    expect(await isLeft()).toBe(true);
    await sweepOn(aheadBy(HOUR_MS));
    expect((await storedOf(app, delivery)).map(({ path }) => path)).toEqual([placeOf(app, delivery)]);
  });

  it.each([
    ['ahead by an hour: the signature is too old, and nothing is kept', HOUR_MS, 400, 'timestamp_too_old'],
    ['back by an hour: the signature is from the future, and nothing is kept', -HOUR_MS, 400, 'timestamp_in_future'],
  ])('%s; the same delivery is taken once the clock is right', async (_name, jumpMs, status, code) => {
    const delivery = newTranscript();
    app.instances = [aheadBy(jumpMs)];
    const refused = await deliver(app, delivery);
    app.instances = instances;
    expect([refused.status, refused.json['code']]).toEqual([status, code]);
    expect(await storedOf(app, delivery)).toEqual([]);
    expect((await deliver(app, delivery)).status).toBe(200);
    expect(await storedOf(app, delivery)).toHaveLength(1);
  });

  it('on one of two instances that prepare the same call at once: one clone, one voice, and the agent has it', async () => {
    // Signatures may be half an hour old; locks of the instance that is right look long expired to the other one.
    const minutes = 20;
    app.instances = [aheadBy(0), aheadBy(minutes * MINUTE_MS)];
    for (let round = 0; round < 5; round++) {
      const delivery = newPreCall(app);
      const answers = await Promise.all(
        times(6, (at) => deliver(app, delivery, { headers: { [INSTANCE_HEADER]: String(at % 2) } })),
      );
      expect(statuses(answers)).toEqual([200]);
      const voiceIds = new Set(answers.map(({ json }) => json['voice_id']));
      expect(clonesOf(app, delivery.bytes).map(({ voice_id }) => voice_id)).toEqual([...voiceIds]);
      expect(changesOf(app, delivery.call.agent_id).at(-1)?.voiceId).toBe([...voiceIds][0]);
    }
    app.instances = instances;
  });
});
