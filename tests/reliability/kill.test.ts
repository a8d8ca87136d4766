import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { Services } from '../../src/lib/services.ts';
import type { Answer } from '../support/context.ts';
import {
  clonesOf,
  openInstance,
  PAST_LOCKS_MS,
  type PreCallApp,
  startInstances,
  sweepOn,
} from '../support/preCallContext.ts';
import { until } from '../support/until.ts';
import { type Served, serve } from '../tools/served.ts';
import { type Delivery, deliver, type EventName, isWhole, newDelivery, placeOf, storedOf } from './deliveries.ts';
import { deliverForged, forge } from './forged.ts';
import { longForm } from './longForm.ts';
import { startStorageWire, startTcpFaultProxy, type TcpFaultProxy } from './tcpFaultProxy.ts';
import type { WireExchange } from './tcpLink.ts';

const KILLS = longForm('kills') ?? 5;
/** A request that does not come through, and a process that lives on for so many others. */
const LATER = 12;
const NEVER: KillPoint = { number: 0, phase: 'request', later: 0 };
/** Senders at once, each with one delivery after the other. */
const SENDERS: readonly (readonly EventName[])[] = [
  ...Array<EventName[]>(4).fill(['transcript', 'transcript', 'transcript', 'transcript']),
  ['small recording', 'small recording', 'call failure'],
  ...Array<EventName[]>(3).fill(['large recording']),
  ['pre-call'],
  ['pre-call'],
];
/** After the first try, when retries are switched on; only transcripts come again (docs/facts/elevenlabs.md#delivery-and-retries). */
const RETRIES = 5;
const AN_HOUR_MS = 3_600_000;

let app: PreCallApp;
let storage: Awaited<ReturnType<typeof startStorageWire>>;
let elevenLabs: TcpFaultProxy;
/** Reads what is left behind with a clock that is past all locks, or an hour ahead. */
let successor: Services;
let sweeper: Services;
const figures = { kills: 0, deliveries: 0, unanswered: 0, retries: 0, finishedBySweep: 0 };

beforeAll(async () => {
  app = await startInstances(0);
  storage = await startStorageWire(inject('storage'));
  elevenLabs = await startTcpFaultProxy(new URL(app.api.url));
  const ahead = (ms: number) => openInstance({ clock: { aheadMs: ms, now: () => Date.now() + ms } });
  successor = ahead(PAST_LOCKS_MS);
  sweeper = ahead(AN_HOUR_MS);
  app.instances = [successor];
});
afterAll(async () => {
  console.log(`killed at any point: ${JSON.stringify(figures)}`);
  await storage.close();
  await elevenLabs.close();
  await app.close();
});

/** The built app as a process of its own, with the settings of this test's context. As on a platform, it is started until it runs. */
function start(): Promise<Served> {
  const settings = { CallStorage: storage.connectionString, ELEVENLABS_API_BASE_URL: elevenLabs.url };
  return until(() =>
    serve({ ...settingsOfThisContext(), ...settings }).catch((error: Error) => {
      console.warn(error.message);
      return undefined;
    }),
  );
}

function settingsOfThisContext(): NodeJS.ProcessEnv {
  const ours = /^(ELEVENLABS|ENABLE|VOICE|PRECALL|FUNCTIONS|LOG)_|_STORAGE_PATH$/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => ours.test(name)));
}

interface KillPoint {
  readonly number: number;
  /** Before or after storage or ElevenLabs have seen the request of that number. */
  readonly phase: 'request' | 'answer';
  /** So many further requests come before the end: time for an answer that was given too early. */
  readonly later: number;
}

function killAt({ number, phase, later }: KillPoint, kill: () => void): void {
  let count = 0;
  const onExchange = (_exchange: WireExchange) => {
    count++;
    if (count === number + later && later > 0) kill();
    if (count !== number) return undefined;
    const onBegin = later > 0 ? () => {} : kill;
    return { fault: { kind: 'black-hole' }, phase, afterBytes: 0, onBegin } as const;
  };
  storage.onExchange = onExchange;
  elevenLabs.onExchange = onExchange;
}

interface Sent {
  readonly delivery: Delivery;
  /** Undefined when the process died first. */
  readonly answer: Answer | undefined;
}

async function sendLoad(url: string): Promise<Sent[]> {
  const loads = SENDERS.map((events) => events.map((event) => newDelivery(app, event)));
  const forged = loads
    .flat()
    .filter(({ event }) => event !== 'pre-call')
    .map(forge);
  const sent: Sent[] = [];
  const sendOneByOne = async (deliveries: readonly Delivery[]) => {
    for (const delivery of deliveries) {
      sent.push({ delivery, answer: await deliver(app, delivery, { url }).catch(() => undefined) });
    }
  };
  const [refused] = await Promise.all([
    Promise.all(forged.map((each) => deliverForged(app, each, url).catch(() => undefined))),
    ...loads.map(sendOneByOne),
  ]);
  for (const answer of refused) expect([401, undefined]).toContain(answer?.status);
  return sent;
}

it(`is killed at ${KILLS} points under load, and loses nothing`, { timeout: 120_000 + KILLS * 30_000 }, async () => {
  killAt(NEVER, () => {});
  let served = await start();
  for (const { answer } of await sendLoad(served.url)) expect(answer?.status).toBe(200);
  const exchanges = storage.exchanges.length + elevenLabs.exchanges.length;

  for (let kill = 0; kill < KILLS; kill++) {
    const number = 1 + Math.floor(((kill + 0.5) * (exchanges - LATER)) / KILLS);
    const phase = kill % 4 === 3 ? 'answer' : 'request';
    const point: KillPoint = { number, phase, later: kill % 2 === 0 ? LATER : 0 };
    killAt(point, () => served.served.child.kill('SIGKILL'));
    const sent = await sendLoad(served.url);
    served.served.child.kill('SIGKILL'); // when there were fewer requests than the first time
    await served.served.ended;
    killAt(NEVER, () => {});
    figures.kills++;
    served = await replay(sent, served, `killed at ${JSON.stringify(point)} of ${exchanges}`);
  }
  await served.stop();
});

/** The sender's retries while the process is down and when it is up again; then everything is looked at. */
async function replay(sent: readonly Sent[], dead: Served, where: string): Promise<Served> {
  const restarting = start();
  const unanswered = sent.filter(({ answer }) => answer === undefined);
  figures.deliveries += sent.length;
  figures.unanswered += unanswered.length;
  for (const { answer } of sent) expect([200, undefined], where).toContain(answer?.status);

  const missed = unanswered.filter(({ delivery }) => delivery.event === 'transcript');
  await Promise.all(missed.map(({ delivery }) => expect(deliver(app, delivery, { url: dead.url })).rejects.toThrow()));
  const served = await restarting;
  await Promise.all(missed.map(({ delivery }) => comeAgain(delivery, served.url, where)));
  await checkPreCalls(sent, where);

  figures.finishedBySweep += (await sweepOn(sweeper)).filter((line) => line.startsWith('WARNING')).length;
  expect(await app.context.storedIn(app.context.containers.incoming), where).toEqual([]);
  for (const each of sent.filter(({ delivery }) => delivery.event !== 'pre-call')) await checkStored(each, where);
  return served;
}

async function comeAgain(delivery: Delivery, url: string, where: string): Promise<void> {
  for (let tries = 2; tries <= RETRIES; tries++) {
    figures.retries++;
    const { status } = await deliver(app, delivery, { url });
    if (status === 200) return;
    expect(status, where).toBe(503);
  }
  expect.fail(`${where}: a transcript was never taken`);
}

async function checkStored({ delivery, answer }: Sent, where: string): Promise<void> {
  const blobs = await storedOf(app, delivery);
  const wasTaken = answer?.status === 200 || delivery.event === 'transcript';
  const what = `${where}: ${delivery.event}, answered ${answer?.status}`;
  expect(
    blobs.every(({ bytes }) => isWhole(delivery, bytes)),
    what,
  ).toBe(true);
  const paths = blobs.map(({ path }) => path);
  if (wasTaken || blobs.length > 0) expect(paths, what).toEqual([placeOf(app, delivery)]);
}

/** The switch asks again, whatever it was answered: the same voice, and one clone. */
async function checkPreCalls(sent: readonly Sent[], where: string): Promise<void> {
  for (const { delivery, answer } of sent.filter((each) => each.delivery.event === 'pre-call')) {
    const again = await deliver(app, delivery);
    expect(again.json, where).toMatchObject({ status: 'success', agent_updated: true });
    if (answer !== undefined) expect(again.json['voice_id'], where).toBe(answer.json['voice_id']);
    expect(
      clonesOf(app, delivery.bytes).map(({ voice_id }) => voice_id),
      where,
    ).toEqual([again.json['voice_id']]);
  }
}
