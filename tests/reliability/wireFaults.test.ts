import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from '../support/context.ts';
import {
  clonesOf,
  INSTANCE_HEADER,
  openInstance,
  PAST_LOCKS_MS,
  type PreCallApp,
  startInstances,
  sweepOn,
} from '../support/preCallContext.ts';
import { until } from '../support/until.ts';
import {
  type Delivery,
  deliver,
  EVENTS,
  type EventName,
  isWhole,
  newDelivery,
  placeOf,
  storedOf,
} from './deliveries.ts';
import { longForm } from './longForm.ts';
import type { WireExchange } from './tcpLink.ts';
import { casesOf, describeCase, FAULTS, isHarmless, spoil, type WireCase } from './wireCases.ts';
import { openWiredInstance, type WireName } from './wires.ts';

const AN_HOUR_MS = 3_600_000;
/** How long a sender waits once nothing comes any more. */
const PATIENCE_MS = 500;
/** More than the app's own: patience for a machine that does much else. */
const AMPLE = { totalMs: 90_000, tryMs: 60_000 };
/** Of the cases of one fault, wire and event, so many are taken; in the long form all. */
const TAKEN = longForm('wire') ? Number.POSITIVE_INFINITY : 1;

let app: PreCallApp;
const watched = new Map<EventName, Record<WireName, WireExchange[]>>();
const delivered: Delivery[] = [];
const figures = { cases: 0, notReached: 0, at200: 0, at503: 0, noAnswer: 0 };

beforeAll(async () => {
  app = await startInstances(1, { ENABLE_VOICE_SAMPLE_STORAGE: 'true' });
  await makeContainers();
  for (const event of EVENTS) watched.set(event, await watch(event));
});
afterAll(async () => {
  console.log(`faults on the wire: ${JSON.stringify(figures)}`);
  await app.close();
});

/** So that no delivery has one more request than another. */
async function makeContainers(): Promise<void> {
  const names = [...Object.values(app.context.containers), ...Object.values(app.containers)];
  for (const name of names) await app.context.blobs.getContainerClient(name).createIfNotExists();
}

let installations = 0;
const newInstallation = () => ({ PRECALL_STATE_STORAGE_PATH: `${app.containers.state}/wire-${++installations}` });

/** Delivers while nothing goes wrong, and counts what passes. */
async function watch(event: EventName): Promise<Record<WireName, WireExchange[]>> {
  const { wires, index, close } = await openWiredInstance(app, newInstallation(), AMPLE);
  const answer = await deliver(app, newDelivery(app, event), {
    url: wires.sender.url,
    headers: { [INSTANCE_HEADER]: String(index) },
  });
  expect(answer.status, `${event} while nothing goes wrong`).toBe(200);
  await close();
  return { storage: wires.storage.exchanges, ElevenLabs: wires.ElevenLabs.exchanges, sender: wires.sender.exchanges };
}

describe.concurrent.each<[WireName, readonly EventName[]]>([
  ['storage', EVENTS],
  ['ElevenLabs', ['pre-call']],
  ['sender', EVENTS],
])('between the app and %s', (wire, events) => {
  describe.concurrent.each(events)('a %s', (event) => {
    it.each(Object.entries(FAULTS))(
      'survives %s, and comes again',
      { timeout: longForm('wire') ? 1_800_000 : 120_000 },
      async (name, fault) => {
        const cases = casesOf(wire, fault, watched.get(event)?.[wire] ?? []);
        const start = Math.floor((Object.keys(FAULTS).indexOf(name) * cases.length) / Object.keys(FAULTS).length);
        for (let taken = 0; taken < Math.min(TAKEN, cases.length); taken++) {
          const each = cases[(start + taken) % cases.length];
          if (each !== undefined) await survive(each, event);
        }
      },
    );
  });
});

/**
 * A connection that hangs is noticed after one try, a fault that lasts is waited out: both soon, where no time is needed. The
 * deletion bounds itself, and what comes before it is not to be tried twice: then the exchange of its number would be another.
 */
function budgetOf({ wire, fault, lasts, step }: WireCase): typeof AMPLE {
  if (wire === 'sender' || isHarmless(fault) || step === 'delete') return AMPLE;
  return lasts ? { totalMs: 3_000, tryMs: 1_500 } : { ...AMPLE, tryMs: 3_000 };
}

async function survive(wireCase: WireCase, event: EventName): Promise<void> {
  const where = `${event}: ${describeCase(wireCase)}`;
  const settings = newInstallation();
  const delivery = newDelivery(app, event);
  const { services, wires, index, close } = await openWiredInstance(app, settings, budgetOf(wireCase));
  let hasBegun = false;
  spoil(wires[wireCase.wire], wireCase, () => {
    hasBegun = true;
    if (wireCase.wire === 'sender' && wireCase.fault.kind === 'black-hole')
      setTimeout(() => wires.sender.close(), PATIENCE_MS);
  });

  const answer = await deliver(app, delivery, {
    url: wires.sender.url,
    headers: { [INSTANCE_HEADER]: String(index) },
  }).catch(() => undefined);

  count(answer, hasBegun);
  checkAnswer(answer, wireCase, where);
  if (delivery.event !== 'pre-call') await checkStored(delivery, answer, where);
  await close();
  await until(() => services.postCall?.store.pool.leased === 0 || undefined);
  await comesAgain(delivery, settings, answer, where);
  delivered.push(delivery);
}

function count(answer: Answer | undefined, hasBegun: boolean): void {
  figures.cases++;
  if (!hasBegun) figures.notReached++;
  if (answer === undefined) figures.noAnswer++;
  else figures[answer.status === 200 ? 'at200' : 'at503']++;
}

/** 200, or what makes the sender come again: 503 with Retry-After, or no answer at all when the line to it is broken. */
function checkAnswer(answer: Answer | undefined, { wire, fault, step, lasts }: WireCase, where: string): void {
  if (isHarmless(fault) || (wire !== 'sender' && !lasts) || step === 'delete') {
    expect(answer?.status, where).toBe(200);
  } else if (wire === 'sender') {
    expect([undefined, 200], where).toContain(answer?.status);
  } else {
    expect([200, 503], where).toContain(answer?.status);
    if (answer?.status === 503) expect(answer.headers['retry-after'], where).toMatch(/^\d+$/);
  }
}

/** What is visible is whole, and after a 200 it is where it belongs. */
async function checkStored(delivery: Delivery, answer: Answer | undefined, where: string): Promise<void> {
  const blobs = await storedOf(app, delivery);
  expect(
    blobs.filter(({ bytes }) => !isWhole(delivery, bytes)).map(({ path }) => path),
    where,
  ).toEqual([]);
  if (answer?.status === 200)
    expect(
      blobs.map(({ path }) => path),
      where,
    ).toContain(placeOf(app, delivery));
}

/** The fault is over, and the sender tries again. */
async function comesAgain(
  delivery: Delivery,
  settings: Record<string, string>,
  first: Answer | undefined,
  where: string,
): Promise<void> {
  const later = { ...app.clock, now: () => app.clock.now() + PAST_LOCKS_MS };
  const healthy = openInstance({ clock: later }, { settings });
  const headers = { [INSTANCE_HEADER]: String(app.instances.push(healthy) - 1) };
  const answer = await deliver(app, delivery, { headers });
  expect(answer.status, `${where}, the second time`).toBe(200);
  if (delivery.event === 'pre-call') {
    if (first?.status === 200) expect(answer.json['voice_id'], where).toBe(first.json['voice_id']);
    expect(
      clonesOf(app, delivery.bytes).map(({ voice_id }) => voice_id),
      where,
    ).toEqual([answer.json['voice_id']]);
  } else await checkStored(delivery, answer, `${where}, the second time`);
  await healthy.preCall?.elevenLabs.close();
}

describe('after all of them', () => {
  it('one sweep leaves nothing in incoming, and one blob of each call where it belongs', {
    timeout: 120_000,
  }, async () => {
    const instance = openInstance({ clock: { ...app.clock, now: () => app.clock.now() + AN_HOUR_MS } });
    await sweepOn(instance);
    expect(await app.context.storedIn(app.context.containers.incoming)).toEqual([]);
    const stored = new Set(await app.context.paths());
    for (const delivery of delivered.filter(({ event }) => event !== 'pre-call')) {
      expect([...stored].filter((path) => path.includes(delivery.call.conversation_id))).toEqual([
        placeOf(app, delivery),
      ]);
    }
  });
});
