import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { audioBody } from '../tools/send/audioBody.ts';
import { deliver } from '../tools/send/deliver.ts';
import { sign } from '../tools/send/sign.ts';
import { SECRET } from './invoke.ts';
import type { Row } from './row.ts';

const BODY_BYTES = 80e6;
const AT_ONCE = 8;
const MOST_MIB_FOR_ONE = 48;
/** Per request: one block being filled and two on their way, and as much again for what the runtime holds. */
const MOST_MIB_AT_ONCE = AT_ONCE * 3 * 4 * 2;

const root = fileURLToPath(new URL('..', import.meta.url));

/** Resident memory of the running app (local host included) over its idle level, after a warm-up delivery. */
export async function measureMemory(storage: string): Promise<Row[]> {
  if (process.platform !== 'linux') {
    const rest = { measured: '-', against: '-', met: 'not measured' as const };
    return [{ what: 'memory (needs /proc of Linux)', target: `at most ${MOST_MIB_FOR_ONE} MiB`, ...rest }];
  }
  const { app, url } = await startApp(storage);
  try {
    await sendAudio(url);
    const one = await peakOver(app, () => sendAudio(url));
    const eight = await peakOver(app, () => Promise.all(Array.from({ length: AT_ONCE }, () => sendAudio(url))));
    return [
      row('memory, one 80 MB recording', one, MOST_MIB_FOR_ONE),
      row(`memory, ${AT_ONCE} of them at once`, eight, MOST_MIB_AT_ONCE),
    ];
  } finally {
    app.kill('SIGTERM');
    await once(app, 'exit');
  }
}

function row(what: string, { idle, peak }: { idle: number; peak: number }, most: number): Row {
  return {
    what,
    measured: `+${Math.round(peak - idle)} MiB`,
    against: `${Math.round(idle)} MiB idle`,
    target: `at most +${most} MiB`,
    met: peak - idle <= most ? 'yes' : 'no',
  };
}

async function startApp(storage: string): Promise<{ app: ChildProcess; url: string }> {
  const app = spawn(process.execPath, ['tools/serve.ts', '--port', '0'], {
    cwd: root,
    env: { ...process.env, ELEVENLABS_WEBHOOK_SECRET: SECRET, CallStorage: storage },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (app.stdout === null) throw new Error('the app has no output');
  for await (const line of createInterface({ input: app.stdout })) {
    const url = /https?:\S+\/elevenlabs\/webhook/.exec(line)?.[0];
    if (url === undefined) continue;
    app.stdout.resume();
    return { app, url };
  }
  throw new Error('the app did not start; is it built? npm run bench builds it');
}

async function sendAudio(url: string): Promise<void> {
  const body = audioBody({
    mp3: readFileSync(`${root}examples/call.mp3`),
    bodyBytes: BODY_BYTES,
    conversationId: `conv_${randomUUID()}`,
  });
  const signature = await sign(body.chunks(), SECRET, Math.floor(Date.now() / 1000));
  const { status } = await deliver({
    url: new URL(url),
    method: 'POST',
    headers: { 'elevenlabs-signature': signature },
    body,
    chunked: true,
  });
  if (status !== 200) throw new Error(`a delivery was answered ${status}`);
}

/** Idle and peak resident memory in MiB; the peak is kept by the kernel, so that nothing falls between two looks. */
async function peakOver(app: ChildProcess, work: () => Promise<unknown>): Promise<{ idle: number; peak: number }> {
  writeFileSync(`/proc/${app.pid}/clear_refs`, '5');
  const idle = residentMib(app, 'VmRSS');
  await work();
  return { idle, peak: residentMib(app, 'VmHWM') };
}

function residentMib(app: ChildProcess, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${app.pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
}
