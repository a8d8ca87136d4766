import { randomBytes, randomUUID } from 'node:crypto';
import { preCallHandler } from '../../src/lib/preCall/handler.ts';
import { prepareSampleChecks } from '../../src/lib/preCall/sample/sample.ts';
import { openServices, type Services } from '../../src/lib/services.ts';
import { startElevenLabs } from '../../tools/local/elevenlabs/server.ts';
import { SECRET } from '../apps.ts';
import type { Context } from '../context.ts';
import { invoke, type SignedRequest, signed } from '../invoke.ts';
import { judge, type Row, type Target } from '../row.ts';
import { show, spread } from '../turns.ts';

const SAMPLE_BYTES = 1_000_000;
const SAMPLE_RATE = 44_100;
const AT_ONCE = 50;
const STAND_IN_MS = 5;

/** Absolute times say little of a machine that is busy: the short form has no target for them. */
const ownTime: Target = { is: 'at most', limit: 10, inShortForm: Number.POSITIVE_INFINITY, unit: 'ms' };
const returningTime: Target = { is: 'at most', limit: 30, inShortForm: Number.POSITIVE_INFINITY, unit: 'ms' };
const oneCloneEach: Target = { is: 'at least', limit: AT_ONCE, inShortForm: AT_ONCE, unit: 'clones' };

/** Our own time of a pre-call delivery: while it waits for neither ElevenLabs (a stand-in) nor storage. */
export async function measurePreCall({ storage, isShort, say }: Context): Promise<Row[]> {
  const api = await startElevenLabs({ port: 0, makesAgents: true, latencyMs: STAND_IN_MS, voiceLimit: 500 });
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
    say('new and returning callers, one after the other');
    const first: Timed[] = [];
    const again: Timed[] = [];
    const warmUps = 2;
    for (let round = 0; round < warmUps + (isShort ? 7 : 15); round++) {
      const sample = wav();
      const [newCaller, sameCaller] = [callOf(sample), callOf(sample)];
      first.push(await timed(waited, () => deliver(handle, newCaller)));
      again.push(await timed(waited, () => deliver(handle, sameCaller)));
    }
    say(`${AT_ONCE} new callers at once`);
    const before = api.state.voices.size;
    await Promise.all(Array.from({ length: AT_ONCE }, () => deliver(handle, callOf(wav()))));
    const clones = api.state.voices.size - before;
    await services.preCall?.elevenLabs.close();

    const of = (timings: Timed[], what: keyof Timed) => spread(timings.slice(warmUps).map((timing) => timing[what]));
    return [
      {
        what: 'pre-call, new caller, our own time',
        measured: `${show(of(first, 'ownMs'))} ms`,
        against: `${show(of(first, 'totalMs'))} ms in all; a call of ElevenLabs takes ${STAND_IN_MS} ms`,
        ...judge(of(first, 'ownMs').median, ownTime, isShort),
        figures: { ownMs: of(first, 'ownMs'), totalMs: of(first, 'totalMs') },
      },
      {
        what: 'pre-call, returning caller, in all',
        measured: `${show(of(again, 'totalMs'))} ms`,
        against: `${show(of(again, 'ownMs'))} ms of it our own`,
        ...judge(of(again, 'totalMs').median, returningTime, isShort),
        figures: { ownMs: of(again, 'ownMs'), totalMs: of(again, 'totalMs') },
      },
      {
        what: `pre-call, ${AT_ONCE} new callers at once`,
        measured: `${clones} clones`,
        against: `${AT_ONCE} answers`,
        ...judge(clones, oneCloneEach, isShort),
        figures: { clones },
      },
    ];
  } finally {
    await api.close();
  }
}

interface Waited {
  /** Time with at least one call open. */
  ms: number;
}

/** Adds up the time spent in calls of storage and of ElevenLabs. */
function timeWaits({ preCall }: Services): Waited {
  const waited: Waited = { ms: 0 };
  let open = 0;
  let since = 0;
  if (preCall === undefined) throw new Error('pre-call is not configured');
  const wrap = (owner: object, name: string) => {
    const original: unknown = Reflect.get(owner, name);
    if (typeof original !== 'function') throw new Error(`${name} is not a method`);
    Reflect.set(owner, name, async (...parameters: unknown[]) => {
      if (open++ === 0) since = performance.now();
      try {
        return await Reflect.apply(original, owner, parameters);
      } finally {
        if (--open === 0) waited.ms += performance.now() - since;
      }
    });
  };
  wrap(preCall.storage, 'attempt');
  for (const name of ['addVoice', 'getVoice', 'getAgent', 'patchAgent']) wrap(preCall.elevenLabs, name);
  return waited;
}

interface Timed {
  readonly ownMs: number;
  readonly totalMs: number;
}

async function timed(waited: Waited, work: () => Promise<void>): Promise<Timed> {
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
