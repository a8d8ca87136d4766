import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openServices } from '../../src/lib/services.ts';
import { type Azurite, nativeChecksums, startAzurite } from '../../tools/local/azurite.ts';
import { sweepOn } from '../support/preCallContext.ts';
import { type AppProcess, startAppProcess } from './appProcess.ts';
import type { LoadOrders, LoadResult } from './load.ts';
import { longForm } from './longForm.ts';
import { startStorageWire, startTcpFaultProxy, type TcpFaultProxy } from './tcpFaultProxy.ts';
import type { PlannedFault } from './tcpLink.ts';
import { describeTrend, type Trend, trendOf } from './vitals.ts';

const MINUTES = longForm('minutes') ?? 0.5;
const PER_SECOND = 15;
const AN_HOUR_MS = 3_600_000;
const SECRET = 'wsec_soak';
/** Of a thousand exchanges; at a point of the request or of the answer that is drawn, too. */
const FAULTS: readonly (readonly [share: number, fault: PlannedFault['fault']])[] = [
  [10, { kind: 'latency', ms: 20 }],
  [10, { kind: 'jitter', ms: 40 }],
  [10, { kind: 'slicing' }],
  [5, { kind: 'bandwidth', bytesPerSecond: 2e6 }],
  [5, { kind: 'reset' }],
  [5, { kind: 'cut' }],
  [2, { kind: 'slow-close', ms: 500 }],
];

let azurite: Azurite;
let storage: Awaited<ReturnType<typeof startStorageWire>>;
let sender: TcpFaultProxy;
let app: AppProcess;
beforeAll(async () => {
  // In a folder, Azurite 3.37 puts bytes of an upload that breaks off into the blobs of others.
  azurite = await startAzurite({ port: 0, inMemory: true, preload: nativeChecksums });
  storage = await startStorageWire(azurite.connectionString);
  app = await startAppProcess(settings(storage.connectionString));
  sender = await startTcpFaultProxy(new URL(app.url));
  storage.onExchange = draw;
  sender.onExchange = draw;
});
afterAll(async () => {
  await app?.stop();
  await Promise.all([storage.close(), sender.close()]);
  await azurite.stop();
});

const settings = (connectionString: string) => ({
  ELEVENLABS_WEBHOOK_SECRET: SECRET,
  ENABLE_AUDIO_STORAGE: 'true',
  CallStorage: connectionString,
});

let spoiled = 0;
function draw(): PlannedFault | undefined {
  let left = Math.random() * 1000;
  for (const [share, fault] of FAULTS) {
    left -= share;
    if (left >= 0) continue;
    spoiled++;
    const phase = Math.random() < 0.7 ? 'request' : 'answer';
    return { fault, phase, afterBytes: Math.floor(Math.random() * (phase === 'answer' ? 200 : 20_000)) };
  }
  return undefined;
}

it(`a mixed load for ${MINUTES} min over bad lines: every genuine delivery is stored, nothing else, and nothing grows`, {
  timeout: 180_000 + MINUTES * 180_000,
}, async () => {
  const results = await load({
    url: `${sender.url}/elevenlabs/webhook`,
    secret: SECRET,
    seconds: MINUTES * 60,
    perSecond: PER_SECOND,
    atOnce: 64,
  });
  const trend = trendOf(app.vitals());
  // A sender may have lost its connection while its delivery goes on: nobody is to be at work when everything is counted.
  await app.stop();
  const left = await sweepOn(openServices(settings(azurite.connectionString), { now: () => Date.now() + AN_HOUR_MS }));
  const stored = await everythingStored();
  report(results, stored, trend, left);

  expect(results.filter(isAnsweredWrongly)).toEqual([]);
  const genuine = results.filter(({ kind }) => kind === 'genuine' || kind === 'duplicate');
  const missing = genuine.filter((each) => stored.get(placeOf(each)) !== each.sha256);
  expect(missing.map((each) => [each, stored.get(placeOf(each)), whatTheLogSays(placeOf(each))])).toEqual([]);
  const broken = results.filter(({ kind }) => kind === 'broken').map(({ sha256 }) => sha256);
  const places = new Set(genuine.map(placeOf));
  const others = [...stored].filter(([path]) => !places.has(path));
  const unexpected = others.filter(([, sha256]) => !broken.includes(sha256));
  expect(unexpected.map(([path]) => whatTheLogSays(path))).toEqual([]);
  expect(others.map(([, sha256]) => sha256).sort()).toEqual(broken.sort());

  const { early, late } = trend;
  expect(late.heldMib).toBeLessThan(early.heldMib * 1.15 + 4);
  expect(late.residentMib).toBeLessThan(early.residentMib * 1.5 + 128);
  expect(late.handles).toBeLessThan(early.handles * 2 + 50);
  // A machine that does something else for a while is not a trend.
  const delays = trend.fifths.map(({ delayMs }) => delayMs);
  expect(Math.min(...delays.slice(3))).toBeLessThan(Math.max(...delays.slice(0, 3)) * 5);
});

async function load(orders: LoadOrders): Promise<LoadResult[]> {
  const program = fileURLToPath(new URL('load.ts', import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify(orders)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const results: LoadResult[] = [];
  for await (const line of createInterface({ input: child.stdout })) results.push(JSON.parse(line) as LoadResult);
  expect((await ended)[0]).toBe(0);
  return results;
}

/** Of a blob that nobody expects, or that is not as it should be. */
function whatTheLogSays(path: string): string {
  const conversation = /conv_[\w-]+/.exec(path)?.[0] ?? path;
  const lines = app.served.served.text().split('\n');
  return [path, ...lines.filter((line) => line.includes(conversation))].join('\n');
}

const RIGHT_ANSWER = { genuine: 200, duplicate: 200, forged: 401, broken: 400 };
const isAnsweredWrongly = ({ kind, statuses }: LoadResult) => statuses.some((status) => status !== RIGHT_ANSWER[kind]);

const CONTAINERS = {
  transcript: 'transcripts',
  recording: 'audio',
  'large recording': 'audio',
  'call failure': 'call-failures',
};
function placeOf({ event, agent, conversation }: LoadResult): string {
  return `${CONTAINERS[event]}/${agent}/${conversation}.${event.endsWith('recording') ? 'mp3' : 'json'}`;
}

/**
 * The sha256 of the bytes of every blob that is visible, by its path; computed here, not taken from the metadata. Without the
 * state, which the app's timers make.
 */
async function everythingStored(): Promise<Map<string, string>> {
  const service = BlobServiceClient.fromConnectionString(azurite.connectionString);
  const found = new Map<string, string>();
  for await (const { name: container } of service.listContainers()) {
    if (container === 'precall-state' || container === 'state') continue;
    const client = service.getContainerClient(container);
    for await (const { name } of client.listBlobsFlat()) {
      const { readableStreamBody = [] } = await client.getBlobClient(name).download();
      const hash = createHash('sha256');
      for await (const chunk of readableStreamBody) hash.update(chunk);
      found.set(`${container}/${name}`, hash.digest('hex'));
    }
  }
  return found;
}

function report(
  results: readonly LoadResult[],
  stored: Map<string, string>,
  trend: Trend,
  left: readonly string[],
): void {
  const of = (kind: LoadResult['kind']) => results.filter((each) => each.kind === kind).length;
  const figures = {
    minutes: MINUTES,
    deliveries: results.length,
    megabytes: Math.round(results.reduce((sum, { bytes, statuses }) => sum + bytes * statuses.length, 0) / 1e6),
    genuine: of('genuine'),
    duplicates: of('duplicate'),
    forged: of('forged'),
    broken: of('broken'),
    sentAgain: results.filter(({ tries }) => tries > 1).length,
    exchangesWithStorage: storage.exchanges.length,
    connectionsSpoiled: spoiled,
    stored: stored.size,
    finishedBySweep: left.filter((line) => line.startsWith('WARNING')).length,
  };
  console.log(`soak: ${JSON.stringify(figures)}\n${describeTrend(trend)}`);
}
