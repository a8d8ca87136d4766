import { readFileSync } from 'node:fs';
import type { NewVoice } from '../../../src/lib/elevenlabs/addVoice.ts';
import { type ClientOptions, ElevenLabsClient } from '../../../src/lib/elevenlabs/client.ts';
import { ElevenLabsError } from '../../../src/lib/elevenlabs/errors.ts';
import type { Call, Exchange } from '../../../src/lib/elevenlabs/transport.ts';
import {
  type ElevenLabsOptions,
  type RunningElevenLabs,
  startElevenLabs,
} from '../../../tools/local/elevenlabs/server.ts';

export const API_KEY = 'sk_test_0123456789abcdef0123456789abcdef';

/** A client and the stand-in that it talks to over a real socket. */
export interface ApiContext {
  readonly api: RunningElevenLabs;
  readonly client: ElevenLabsClient;
  readonly exchanges: Exchange[];
  /** A deadline, 10 s unless told otherwise. */
  call(limitMs?: number): Call;
  close(): Promise<void>;
}

export async function startApi(
  options: Partial<ElevenLabsOptions> = {},
  client: Partial<ClientOptions> = {},
): Promise<ApiContext> {
  const api = await startElevenLabs({ port: 0, ...options });
  const exchanges: Exchange[] = [];
  const elevenLabs = new ElevenLabsClient({
    baseUrl: api.url,
    apiKey: API_KEY,
    retries: { firstDelayMs: 10, longestDelayMs: 300 },
    ...client,
  });
  return {
    api,
    client: elevenLabs,
    exchanges,
    call: (limitMs = 10_000) => ({
      signal: AbortSignal.timeout(limitMs),
      onExchange: (exchange) => exchanges.push(exchange),
    }),
    close: async () => {
      await elevenLabs.close();
      await api.close();
    },
  };
}

export const SAMPLE = new Uint8Array(readFileSync('examples/voice-samples/sample.wav'));

export function newVoice(more: Partial<NewVoice> = {}): NewVoice {
  return {
    name: 'Ivan_Clone_20251210_123456',
    sample: SAMPLE,
    fileName: 'sample.wav',
    contentType: 'audio/wav',
    labels: { made_by: 'test', conversation: 'conv_1' },
    ...more,
  };
}

/** The error of a promise that must fail with one of ours. */
export async function failureOf(promise: Promise<unknown>): Promise<ElevenLabsError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ElevenLabsError) return error;
  throw new Error(`Expected an ElevenLabsError, got ${String(error)}`);
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
