import { randomBytes, randomUUID } from 'node:crypto';
import { preCallHandler } from '../src/lib/preCall/handler.ts';
import { prepareSampleChecks } from '../src/lib/preCall/sample.ts';
import { openServices, type Services } from '../src/lib/services.ts';
import { startElevenLabs } from '../tools/elevenlabs/server.ts';
import { invoke, SECRET, type SignedRequest, signed } from './invoke.ts';
import { median, type Row } from './row.ts';

const SAMPLE_BYTES = 1_000_000;
const SAMPLE_RATE = 44_100;
const ROUNDS = 15;
const AT_ONCE = 50;
const MOST_MS_CLONING = 10;
const MOST_MS_RETURNING = 30;

/** Our own time of a pre-call delivery: the whole less what was spent waiting for ElevenLabs (a stand-in) and storage. */
export async function measurePreCall(storage: string): Promise<Row[]> {
  const api = await startElevenLabs({ port: 0, makesAgents: true, latencyMs: 5, voiceLimit: 500 });
  try {
    const services = openServices({
      ELEVENLABS_WEBHOOK_SECRET: SECRET,
      CallStorage: storage,
      ELEVENLABS_API_KEY: 'bench',
      ELEVENLABS_API_BASE_URL: api.url,
    });
    prepareSampleChecks();
    const waited = timeWaits(services);
    const handle = preCallHandler(services);
    const cloning: number[] = [];
    const returning: number[] = [];
    const returningOwn: number[] = [];
    for (let round = -2; round < ROUNDS; round++) {
      const sample = wav();
      const [newCaller, sameCaller] = [callOf(sample), callOf(sample)];
      const first = await timed(waited, () => deliver(handle, newCaller));
      const again = await timed(waited, () => deliver(handle, sameCaller));
      if (round < 0) continue;
      cloning.push(first.ownMs);
      returning.push(again.totalMs);
      returningOwn.push(again.ownMs);
    }
    const before = api.state.voices.size;
    await Promise.all(Array.from({ length: AT_ONCE }, () => deliver(handle, callOf(wav()))));
    const clones = api.state.voices.size - before;
    await services.preCall?.elevenLabs.close();
    return [
      row('pre-call, 1 MB sample, our time', median(cloning), 'without ElevenLabs and storage', MOST_MS_CLONING),
      row(
        'pre-call, returning caller, in all',
        median(returning),
        `${median(returningOwn).toFixed(1)} ms of it our own`,
        MOST_MS_RETURNING,
      ),
      {
        what: `pre-call, ${AT_ONCE} callers at once`,
        measured: `${clones} clones`,
        against: `${AT_ONCE} answers`,
        target: `${AT_ONCE} clones`,
        met: clones === AT_ONCE ? 'yes' : 'no',
      },
    ];
  } finally {
    await api.close();
  }
}

function row(what: string, ms: number, against: string, most: number): Row {
  return {
    what,
    measured: `${ms.toFixed(1)} ms`,
    against,
    target: `at most ${most} ms`,
    met: ms <= most ? 'yes' : 'no',
  };
}

/** Adds up the time spent in calls of storage and of ElevenLabs, which follow one another in a delivery. */
function timeWaits({ preCall }: Services): { ms: number } {
  const waited = { ms: 0 };
  if (preCall === undefined) throw new Error('pre-call is not configured');
  const wrap = (owner: object, name: string) => {
    const original: unknown = Reflect.get(owner, name);
    if (typeof original !== 'function') throw new Error(`${name} is no method`);
    Reflect.set(owner, name, async (...parameters: unknown[]) => {
      const start = performance.now();
      try {
        return await Reflect.apply(original, owner, parameters);
      } finally {
        waited.ms += performance.now() - start;
      }
    });
  };
  wrap(preCall.storage, 'attempt');
  for (const name of ['addVoice', 'getVoice', 'getAgent', 'patchAgent']) wrap(preCall.elevenLabs, name);
  return waited;
}

async function timed(waited: { ms: number }, work: () => Promise<void>): Promise<{ ownMs: number; totalMs: number }> {
  waited.ms = 0;
  const start = performance.now();
  await work();
  const totalMs = performance.now() - start;
  return { totalMs, ownMs: totalMs - waited.ms };
}

function callOf(sample: Buffer): SignedRequest {
  const request = {
    type: 'pre_call',
    event_timestamp: 1739537297,
    conversation_id: `conv_${randomUUID()}`,
    agent_id: `agent_${randomUUID()}`,
    caller_metadata: { name: 'Bench' },
    voice_sample: { format: 'base64', data: sample.toString('base64') },
  };
  return signed(Buffer.from(JSON.stringify(request)));
}

async function deliver(handle: ReturnType<typeof preCallHandler>, call: SignedRequest): Promise<void> {
  const { jsonBody } = await invoke(handle, call);
  if (jsonBody?.agent_updated !== true) throw new Error('the agent was not updated');
}

/** A WAV of noise, another one each time. */
function wav(): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + SAMPLE_BYTES, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(SAMPLE_RATE, 24);
  header.writeUInt32LE(SAMPLE_RATE * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(SAMPLE_BYTES, 40);
  return Buffer.concat([header, randomBytes(SAMPLE_BYTES)]);
}
