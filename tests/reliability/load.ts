// A bounded load of mixed events, from a process of its own: reads its orders as JSON from the command line, and writes one
// line of JSON for each delivery that has come to its end.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { bodyOf } from '../../tools/cli/send/body.ts';
import { deliver } from '../../tools/cli/send/deliver.ts';
import { sign } from '../../tools/cli/send/sign.ts';

export interface LoadOrders {
  readonly url: string;
  readonly secret: string;
  readonly seconds: number;
  /** At most. */
  readonly perSecond: number;
  /** Not more than so many at once, however slow the answers are. */
  readonly atOnce: number;
}

/** What became of one delivery. */
export interface LoadResult {
  readonly kind: 'genuine' | 'duplicate' | 'forged' | 'broken';
  readonly event: keyof typeof EVENTS;
  readonly conversation: string;
  readonly agent: string;
  /** Of what has to be stored. */
  readonly sha256: string;
  readonly bytes: number;
  /** The last answer of each sending; 0 when there never was one. */
  readonly statuses: readonly number[];
  readonly tries: number;
}

interface Call {
  readonly agent_id: string;
  readonly conversation_id: string;
}

/** Body and what has to be stored of it. */
type Made = readonly [body: Buffer, stored: Buffer];

const MOST_TRIES = 8;
const EVENTS = { transcript, recording, 'large recording': largeRecording, 'call failure': callFailure };
/** Of a hundred deliveries. */
const SHARES = { transcript: 65, recording: 20, 'large recording': 4, 'call failure': 11 } as const;
const KINDS = { forged: 5, duplicate: 5, broken: 2, genuine: 88 } as const;

if (import.meta.main) await run(JSON.parse(process.argv[2] ?? '{}') as LoadOrders); // written by the test that starts it

async function run(orders: LoadOrders): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const start = performance.now();
  for (let sent = 0; performance.now() - start < orders.seconds * 1000; sent++) {
    await pause(Math.max(0, start + (sent * 1000) / orders.perSecond - performance.now()));
    while (underWay.size >= orders.atOnce) await Promise.race(underWay);
    const one = sendOne(orders).then((result) => {
      console.log(JSON.stringify(result));
      underWay.delete(one);
    });
    underWay.add(one);
  }
  await Promise.all(underWay);
}

async function sendOne(orders: LoadOrders): Promise<LoadResult> {
  const kind = chosen(KINDS);
  const event = chosen(SHARES);
  const call = { agent_id: `agent_${randomUUID()}`, conversation_id: `conv_${randomUUID()}` };
  const [whole, stored] = EVENTS[event](call);
  const body = kind === 'broken' ? whole.subarray(0, 300) : whole;
  const secret = kind === 'forged' ? 'wsec_of_somebody_else' : orders.secret;
  const sendings = Array.from({ length: kind === 'duplicate' ? 3 : 1 }, () =>
    sendUntilAnswered(orders.url, body, secret),
  );
  const answers = await Promise.all(sendings);
  return {
    kind,
    event,
    conversation: call.conversation_id,
    agent: call.agent_id,
    sha256: createHash('sha256')
      .update(kind === 'broken' ? body : stored)
      .digest('hex'),
    bytes: body.length,
    statuses: answers.map(({ status }) => status),
    tries: Math.max(...answers.map(({ tries }) => tries)),
  };
}

/** As a sender with retries does: again after a lost connection and after 5xx, never after any other answer. */
async function sendUntilAnswered(
  url: string,
  body: Buffer,
  secret: string,
): Promise<{ status: number; tries: number }> {
  let status = 0;
  for (let tries = 1; tries <= MOST_TRIES; tries++) {
    const signature = await sign(body, secret, Math.floor(Date.now() / 1000));
    const headers = { 'elevenlabs-signature': signature, 'content-type': 'application/json' };
    const chunked = body.length > 100_000;
    const answer = await deliver({ url: new URL(url), headers, body: bodyOf(body), chunked }).catch(() => undefined);
    status = answer?.status ?? 0;
    if (status !== 0 && status < 500) return { status, tries };
    await pause(100 * tries);
  }
  return { status, tries: MOST_TRIES };
}

function chosen<Name extends string>(shares: Readonly<Record<Name, number>>): Name {
  const names = Object.keys(shares) as Name[];
  let left = Math.random() * 100;
  for (const name of names) {
    left -= shares[name];
    if (left < 0) return name;
  }
  return names.at(-1) as Name; // there is one
}

function event(type: string, data: object): Buffer {
  return Buffer.from(JSON.stringify({ type, event_timestamp: Math.floor(Date.now() / 1000), data }));
}

function transcript(call: Call): Made {
  const turns = Array.from({ length: 100 }, (_turn, at) => ({
    role: 'user',
    message: randomText(180),
    time_in_call_secs: at,
  }));
  const body = event('post_call_transcription', { ...call, status: 'done', transcript: turns });
  return [body, body];
}

function callFailure(call: Call): Made {
  const body = event('call_initiation_failure', {
    ...call,
    failure_reason: 'busy',
    metadata: { note: randomText(600) },
  });
  return [body, body];
}

function recording(call: Call): Made {
  return audio(call, randomBytes(300_000));
}

function largeRecording(call: Call): Made {
  return audio(call, randomBytes(5_000_000));
}

function audio(call: Call, bytes: Buffer): Made {
  return [event('post_call_audio', { ...call, full_audio: bytes.toString('base64') }), bytes];
}

function randomText(length: number): string {
  return randomBytes(length / 2).toString('hex');
}
