import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { bodyOf } from '../../tools/cli/send/body.ts';
import { deliver } from '../../tools/cli/send/deliver.ts';
import { audioEvent, SECRET, sign, WEBHOOK_PATH } from '../support/context.ts';
import { until } from '../support/until.ts';
import { type AppProcess, startAppProcess } from './appProcess.ts';
import { startStorageWire } from './tcpFaultProxy.ts';

const MEBIBYTE = 1024 * 1024;
/** Three blocks. */
const RECORDING_BYTES = 9_000_000;

let app: AppProcess;
let storage: Awaited<ReturnType<typeof startStorageWire>>;
beforeAll(async () => {
  storage = await startStorageWire(inject('storage'));
  const run = randomBytes(4).toString('hex');
  app = await startAppProcess({
    ELEVENLABS_WEBHOOK_SECRET: SECRET,
    ENABLE_AUDIO_STORAGE: 'true',
    CallStorage: storage.connectionString,
    ...Object.fromEntries(
      ['AUDIO', 'INCOMING'].map((name) => [`${name}_STORAGE_PATH`, `${name.toLowerCase()}-${run}`]),
    ),
  });
});
afterAll(async () => {
  await app.stop();
  await storage.close();
});

const FIRST = `{"type":"post_call_audio","data":{"full_audio":"${'A'.repeat(256 * 1024)}`;
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

/** Uploads of somebody without a secret, who sends as much as makes a recording, and then whatever `goOn` does. */
class Forgers {
  readonly #sockets = new Set<Socket>();

  open(count: number, goOn?: (socket: Socket) => void): void {
    for (let times = 0; times < count; times++) {
      const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      socket.write(
        `POST ${WEBHOOK_PATH} HTTP/1.1\r\nhost: localhost\r\nelevenlabs-signature: ${sign('x')}\r\n` +
          `transfer-encoding: chunked\r\n\r\n${chunk(FIRST)}`,
      );
      this.#sockets.add(socket);
      goOn?.(socket);
    }
  }

  /** Those that have stood longest go. */
  close(count = this.#sockets.size): void {
    for (const socket of [...this.#sockets].slice(0, count)) socket.destroy();
  }

  get isSent(): boolean {
    return [...this.#sockets].every((socket) => socket.writableLength === 0 && !socket.connecting);
  }
}

function every(ms: number, act: (stop: () => void) => void): () => void {
  const timer = setInterval(() => act(stop), ms);
  const stop = () => clearInterval(timer);
  return stop;
}

async function receiveRecording(): Promise<void> {
  const body = Buffer.from(JSON.stringify(audioEvent(randomBytes(RECORDING_BYTES))));
  const headers = { 'elevenlabs-signature': sign(body), 'content-type': 'application/json' };
  const url = new URL(app.url + WEBHOOK_PATH);
  const answer = await deliver({ url, headers, body: bodyOf(body), chunked: true });
  expect([answer.status, answer.text]).toEqual([200, '{"status":"received"}']);
}

describe('a genuine recording is received while forged ones', () => {
  const dripping = (text: string, ms: number) => (socket: Socket) => {
    every(ms, (stop) => (socket.destroyed ? stop() : socket.write(chunk(text))));
  };

  it.each<[string, number, ((socket: Socket) => void) | undefined]>([
    ['stand still', 100, undefined],
    ['drip 17 kB a second', 60, dripping('A'.repeat(1_700), 100)],
    ['send a few bytes now and then', 60, dripping('AAAA', 200)],
    ['send what cannot be decoded and then drip', 60, (socket) => dripping('!', 200)(socket)],
  ])('%s', async (_what, count, goOn) => {
    const forgers = new Forgers();
    forgers.open(count, goOn);
    await until(() => forgers.isSent || undefined);
    await receiveRecording();
    forgers.close();
  });

  it('stand still and are renewed all the time', async () => {
    const forgers = new Forgers();
    forgers.open(40);
    const stop = every(500, () => {
      forgers.open(10);
      forgers.close(10);
    });
    await receiveRecording();
    await receiveRecording();
    stop();
    forgers.close();
  });
});

it('two thousand uploads that wait for a block are held within the bound of memory, and those that hang up wait no longer', async () => {
  const before = await app.nextVitals();
  storage.onExchange = () => ({ fault: { kind: 'black-hole' }, phase: 'request', afterBytes: 0 });
  const forgers = new Forgers();
  for (let times = 0; times < 20; times++) {
    forgers.open(100);
    await until(() => forgers.isSent || undefined);
  }
  const { peakBytes } = await app.nextVitals();
  // 64 MiB of blocks, 128 MiB of bodies, and what Node reads ahead on each connection.
  expect(peakBytes - before.residentBytes).toBeLessThan((64 + 128 + 2_000 / 8) * MEBIBYTE);
  forgers.close();
  storage.onExchange = () => undefined;
  await receiveRecording();
});
