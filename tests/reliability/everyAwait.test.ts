import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Services } from '../../src/lib/services.ts';
import type { BlobStorage } from '../../src/lib/storage/blobStorage.ts';
import { audioEvent, newCall } from '../support/context.ts';
import { DEATHS, type Deaths, eachInTurn, startDeaths } from '../support/deaths.ts';
import { openInstance, type PreCallApp, startInstances, sweepOn } from '../support/preCallContext.ts';
import { until } from '../support/until.ts';
import { type Delivery, deliver, EVENTS, isWhole, newDelivery, placeOf, storedOf } from './deliveries.ts';

const AN_HOUR_MS = 3_600_000;
const POST_CALL = EVENTS.filter((event) => event !== 'pre-call');

let app: PreCallApp;
let deaths: Deaths;
let healthy: Services;
let sweeper: Services;
beforeAll(async () => {
  app = await startInstances(0);
  deaths = await startDeaths(app);
  healthy = openInstance(app);
  sweeper = openInstance({ clock: { ...app.clock, now: () => app.clock.now() + AN_HOUR_MS } });
});
afterAll(async () => {
  await app.close();
  await deaths.close();
});

const deliverTo = (instance: Services, delivery: Delivery) => {
  app.instances = [instance];
  return deliver(app, delivery);
};

/** The paths at which a delivery is visible; all that is visible must be whole. */
async function whereWhole(delivery: Delivery, where: string): Promise<string[]> {
  const blobs = await storedOf(app, delivery);
  for (const { bytes, path } of blobs) expect(isWhole(delivery, bytes), `${where}: ${path}`).toBe(true);
  return blobs.map(({ path }) => path);
}

describe.each(POST_CALL)('a %s', (event) => {
  it.each(DEATHS)('and a process that dies %s, at each one in turn', async (death) => {
    const crashes = await eachInTurn(async (at) => {
      const where = `crash at request ${at}`;
      const delivery = newDelivery(app, event);
      let status: number | undefined;
      const died = await deaths.dieAt(at, death, {}, async (doomed) => {
        ({ status } = await deliverTo(doomed, delivery));
      });
      await whereWhole(delivery, where);

      await sweepOn(sweeper);
      const swept = await whereWhole(delivery, where);
      const place = placeOf(app, delivery);
      if (status === 200) expect(swept, where).toEqual([place]);
      else expect([[], [place]], where).toContainEqual(swept);

      expect((await deliverTo(healthy, delivery)).status, where).toBe(200);
      expect(await whereWhole(delivery, where), where).toEqual([place]);
      return died;
    });
    expect(crashes).toBeGreaterThan(0);
  });

  it.each(['fails', 'fails after its work was done'])('whose call of storage %s, each one in turn', async (how) => {
    const calls = await eachInTurn(async (at) => {
      const where = `call ${at}`;
      const delivery = newDelivery(app, event);
      const faulty = withFaultyStorage(healthy, at, how);
      const { status } = await deliverTo(faulty.services, delivery);
      expect([200, 500], where).toContain(status);
      await until(() => healthy.postCall?.store.pool.leased === 0 || undefined);
      const before = await whereWhole(delivery, where);
      if (status === 200) expect(before, where).toContain(placeOf(app, delivery));

      expect((await deliverTo(healthy, delivery)).status, where).toBe(200);
      await sweepOn(sweeper);
      expect(await whereWhole(delivery, where), where).toEqual([placeOf(app, delivery)]);
      return faulty.calls() >= at;
    });
    expect(calls).toBeGreaterThan(0);
  });
});

/** The same instance, but one call of storage throws what nobody has foreseen. */
function withFaultyStorage(services: Services, at: number, how: string): { services: Services; calls: () => number } {
  if (services.postCall === undefined) throw new Error('The instance is not configured');
  const { store } = services.postCall;
  let calls = 0;
  const attempt: BlobStorage['attempt'] = async (...call) => {
    const isFaulty = ++calls === at;
    if (isFaulty && how === 'fails') throw new Error('a bug');
    const result = await store.storage.attempt(...call);
    if (isFaulty) throw new Error('a bug');
    return result;
  };
  const storage: BlobStorage = Object.assign(Object.create(store.storage), { attempt });
  return {
    services: { ...services, postCall: { ...services.postCall, store: { ...store, storage } } },
    calls: () => calls,
  };
}

describe('a recording that is broken after some blocks', () => {
  const BLOCKS = 'QUJD'.repeat(1_500_000);
  /** Such a body gives away no ids, so its parts are told from others by being new. */
  const inQuarantine = async (known: ReadonlySet<string>) =>
    app.context.storedIn(app.context.containers.quarantine, (path) => !known.has(path));

  it.each(DEATHS)(
    'and a process that dies %s, at each one in turn: the second delivery has all its parts',
    async (death) => {
      const crashes = await eachInTurn(async (at) => {
        const call = newCall();
        const body = Buffer.from(JSON.stringify(audioEvent(`${BLOCKS}!QUJD`, call)));
        const delivery: Delivery = { ...newDelivery(app, 'large recording'), call, body };
        const known = new Set(await app.context.paths());
        const died = await deaths.dieAt(at, death, {}, (doomed) => deliverTo(doomed, delivery));
        await sweepOn(sweeper);

        const again = await deliverTo(healthy, delivery);
        expect(again.json['code']).toBe('broken_audio');
        await sweepOn(sweeper);
        const parts = (await inQuarantine(known)).map(({ path, bytes }) => ({
          is: path.replace(/^[^.]*\./, ''),
          length: bytes.length,
        }));
        const all = ['around.json', 'mp3', 'remainder.bin'];
        expect(parts.map(({ is }) => is).sort(), `crash at request ${at}`).toEqual(all);
        expect(parts.find(({ is }) => is === 'mp3')?.length).toBe((BLOCKS.length / 4) * 3);
        return died;
      });
      expect(crashes).toBeGreaterThan(5);
    },
  );
});
