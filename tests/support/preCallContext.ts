import { createHash, randomBytes } from 'node:crypto';
import { app, type HttpRequest } from '@azure/functions';
import { ElevenLabsClient } from '../../src/lib/elevenlabs/client.ts';
import type { Limits } from '../../src/lib/elevenlabs/transport.ts';
import { guardFunctions } from '../../src/lib/guardFunctions.ts';
import { type PostCallOptions, postCallHandler } from '../../src/lib/postCall/handler.ts';
import { type PreCallOptions, preCallHandler } from '../../src/lib/preCall/handler.ts';
import { prepareSampleChecks } from '../../src/lib/preCall/sample/sample.ts';
import { openServices, type Services } from '../../src/lib/services.ts';
import type { RetryBudget } from '../../src/lib/storage/blobStorage.ts';
import { sweep } from '../../src/lib/sweep.ts';
import { type RunningElevenLabs, startElevenLabs } from '../../tools/local/elevenlabs/server.ts';
import type { StoredVoice } from '../../tools/local/elevenlabs/state.ts';
import { expectNothingConfidential } from './confidential.ts';
import { type Answer, type Context, newCall, type SendOptions, send, startContext } from './context.ts';

const PRE_CALL_PATH = '/elevenlabs/precall/webhook';
const API_KEY = 'sk_test_0123456789abcdef0123456789abcdef';
export const OWN_VOICE = 'voice_of_the_agent';
export const OWN_GREETING = 'Good day, this is the desk.';
export const MINUTE_MS = 60_000;
/** Of a request: the position in `instances` of the one that is to take it. */
export const INSTANCE_HEADER = 'x-instance';
/** Past every lock of a delivery or a sweep, and within the shortest lease. */
export const PAST_LOCKS_MS = 61_000;

/** A clock that runs as usual, ahead by as much as a test has moved it on. */
interface Clock {
  readonly now: () => number;
  aheadMs: number;
}

/** The app behind real sockets, with a stand-in for ElevenLabs of its own. */
export interface PreCallApp {
  readonly context: Context;
  readonly api: RunningElevenLabs;
  readonly clock: Clock;
  /** Where state and kept samples are. */
  readonly containers: { readonly state: string; readonly samples: string };
  /**
   * Take the deliveries in turn, or as their {@link INSTANCE_HEADER} says; what a test puts here takes the next ones. Empty
   * when the app's own wiring is used.
   */
  instances: Services[];
  close(): Promise<void>;
}

type Environment = Record<string, string | undefined>;

/** The app as it is deployed. `settings` go over the usual ones. */
export async function startDeployedApp(settings: Environment = {}): Promise<PreCallApp> {
  return start(settings, () => import('../../src/index.ts'));
}

/** The same functions on `count` instances that share nothing but the storage account, with a clock that can be moved on. */
export async function startInstances(
  count: number,
  settings: Environment = {},
  { postCall, preCall }: { readonly postCall?: PostCallOptions; readonly preCall?: PreCallOptions } = {},
): Promise<PreCallApp> {
  return start({ VOICE_CLONE_MIN_DURATION: '0.1', LOG_LEVEL: 'DEBUG', ...settings }, async (running) => {
    prepareSampleChecks();
    running.instances = Array.from({ length: count }, () => openInstance(running));
    let turn = 0;
    const next = ({ headers }: HttpRequest) => {
      const chosen = headers.get(INSTANCE_HEADER);
      const instance = running.instances[chosen === null ? turn++ % running.instances.length : Number(chosen)];
      if (instance === undefined) throw new Error('There is no such instance');
      return instance;
    };
    app.setup({ enableHttpStream: true });
    app.http('preCallWebhook', {
      route: 'elevenlabs/precall/webhook',
      methods: ['POST'],
      handler: (request, context) => preCallHandler(next(request), preCall)(request, context),
    });
    app.http('postCallWebhook', {
      route: 'elevenlabs/webhook',
      methods: ['POST'],
      handler: (request, context) => postCallHandler(next(request), postCall)(request, context),
    });
    guardFunctions(openServices(process.env));
  });
}

interface InstanceOptions {
  readonly settings?: Environment;
  /** In place of the stand-in's own address. */
  readonly apiUrl?: string;
  readonly limits?: Partial<Limits>;
  readonly storageBudget?: RetryBudget;
}

/** One process of the app: opens its own connections, with the waits between the API client's tries cut short. */
export function openInstance({ clock }: Pick<PreCallApp, 'clock'>, options: InstanceOptions = {}): Services {
  const environment = { ...process.env, ...options.settings };
  const storageBudget = options.storageBudget ?? { totalMs: 10_000, persistMs: 60_000, tryMs: 8_000 };
  const services = openServices(environment, { now: clock.now, storageBudget });
  if (services.preCall === undefined) throw new Error(JSON.stringify(services.configuration.preCallProblems));
  const { apiKey, baseUrl } = services.preCall.settings.elevenLabs;
  const elevenLabs = new ElevenLabsClient({
    baseUrl: options.apiUrl ?? baseUrl,
    apiKey,
    retries: { firstDelayMs: 10, longestDelayMs: 100 },
    limits: options.limits ?? {},
  });
  return { ...services, preCall: { ...services.preCall, elevenLabs } };
}

async function start(settings: Environment, load: (running: PreCallApp) => Promise<unknown>): Promise<PreCallApp> {
  const api = await startElevenLabs({ port: 0, voiceLimit: 1000, apiKey: API_KEY });
  const run = randomBytes(4).toString('hex');
  const containers = { state: `precall-state-${run}`, samples: `voice-samples-${run}` };
  const clock = { aheadMs: 0, now: () => Date.now() + clock.aheadMs };
  const running = { api, clock, containers, instances: [] as Services[] } as unknown as PreCallApp; // context comes below
  const environment = {
    ELEVENLABS_API_KEY: API_KEY,
    ELEVENLABS_API_BASE_URL: api.url,
    PRECALL_STATE_STORAGE_PATH: containers.state,
    VOICE_SAMPLE_STORAGE_PATH: containers.samples,
    ...settings,
  };
  const context = await startContext(environment, () => load(running));
  const close = async () => {
    await context.close().finally(() => api.close());
  };
  return Object.assign(running, { context, close });
}

/** What the switch says about a call, without the sample. */
export function metadataOf(call = newCall(), more: Record<string, unknown> = {}) {
  return {
    type: 'pre_call',
    event_timestamp: 1_702_425_485,
    ...call,
    caller_metadata: { name: 'Ivan', date_of_birth: '11.12.2007', phone_number: '+31612345678' },
    ...more,
  };
}

export interface SignedRequest {
  readonly body: Buffer;
  readonly contentType: string;
}

export function jsonRequest(metadata: object, sample: Uint8Array, more: Record<string, unknown> = {}): SignedRequest {
  const voice_sample = { format: 'base64', data: Buffer.from(sample).toString('base64'), ...more };
  return { body: Buffer.from(JSON.stringify({ ...metadata, voice_sample })), contentType: 'application/json' };
}

export interface Part {
  readonly name: string;
  readonly bytes: Uint8Array | string;
  readonly fileName?: string;
  readonly type?: string;
}

export const metadataPart = (metadata: object): Part => ({ name: 'metadata', bytes: JSON.stringify(metadata) });

/** Its name and type say nothing about the sample, so that nobody may go by them. */
export const samplePart = (sample: Uint8Array): Part => ({
  name: 'voice_sample',
  bytes: sample,
  fileName: 'sample.bin',
  type: 'application/octet-stream',
});

export function multipart(parts: readonly Part[], boundary = `----${randomBytes(8).toString('hex')}`): SignedRequest {
  const pieces = parts.flatMap(({ name, bytes, fileName, type }) => [
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${fileName === undefined ? '' : `; filename="${fileName}"`}\r\n`,
    type === undefined ? '\r\n' : `Content-Type: ${type}\r\n\r\n`,
    bytes,
    '\r\n',
  ]);
  const body = Buffer.concat([...pieces, `--${boundary}--\r\n`].map((piece) => Buffer.from(piece)));
  return { body, contentType: `multipart/form-data; boundary=${boundary}` };
}

/** Both forms of the same request. */
export const FORMS: readonly [string, (metadata: object, sample: Uint8Array) => SignedRequest][] = [
  ['JSON', jsonRequest],
  ['multipart', (metadata, sample) => multipart([metadataPart(metadata), samplePart(sample)])],
];

export function sendPreCall(
  { context, clock }: Pick<PreCallApp, 'context' | 'clock'>,
  { body, contentType }: SignedRequest,
  options: SendOptions = {},
): Promise<Answer> {
  const timestamp = Math.floor(clock.now() / 1000);
  return send(context, body, { path: PRE_CALL_PATH, contentType, timestamp, ...options });
}

/** A caller's voice that nobody else has: 8 bits, 1000 samples a second, three seconds and a tenth. */
export function newSample(seconds = 3.1): Buffer {
  return wav(randomBytes(Math.round(seconds * 1000)));
}

function wav(sound: Uint8Array): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + sound.length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(1000, 24);
  header.writeUInt32LE(1000, 28);
  header.writeUInt16LE(1, 32);
  header.writeUInt16LE(8, 34);
  header.write('data', 36);
  header.writeUInt32LE(sound.length, 40);
  return Buffer.concat([header, sound]);
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** The clones of a sample at ElevenLabs. */
export function clonesOf({ api }: Pick<PreCallApp, 'api'>, sample: Uint8Array): StoredVoice[] {
  const hash = sha256(sample);
  return [...api.state.voices.values()].filter((voice) => voice.samples.some((each) => each.hash === hash));
}

export const addVoiceCalls = ({ api }: Pick<PreCallApp, 'api'>) =>
  api.state.requests.filter(({ method, path }) => method === 'POST' && path === '/v1/voices/add').length;

/** What the PATCHes of an agent have set, in their order. */
export function changesOf({ api }: Pick<PreCallApp, 'api'>, agentId: string) {
  return api.state.requests
    .filter(({ method, path }) => method === 'PATCH' && path === `/v1/convai/agents/${agentId}`)
    .map(({ json }) => {
      const { tts, agent } = (json?.['conversation_config'] ?? {}) as {
        tts?: { voice_id?: string };
        agent?: { first_message?: string };
      };
      return { voiceId: tts?.voice_id, firstMessage: agent?.first_message };
    });
}

/** A call of an agent that is known at ElevenLabs. */
export function newCallOfAgent({ api }: Pick<PreCallApp, 'api'>, agentId = newCall().agent_id) {
  if (!api.state.agents.has(agentId)) {
    api.state.addAgent({ agentId, voiceId: OWN_VOICE, firstMessage: OWN_GREETING });
  }
  return { agent_id: agentId, conversation_id: newCall().conversation_id };
}

/** Runs the timer's work and returns its log lines. */
export async function sweepOn(instance: Services): Promise<string[]> {
  const lines: string[] = [];
  await sweep(instance, {
    write: (level, message, fields) => void lines.push(`${level} ${message} ${JSON.stringify(fields)}`),
  });
  expectNothingConfidential(lines);
  return lines;
}
