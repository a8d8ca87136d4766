import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import type { AudioFormat } from './audioFormat.ts';
import type { Measured } from './measure.ts';

/** What a thread is asked; its answer is an {@link Answer}. It says `ready` once before the first. */
export interface Question {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly format: AudioFormat;
}

export type Answer = { readonly measured: Measured | undefined };

export const WORKER_NAME = 'voice-sample-meter';

/**
 * Where this module is, in the sources as in the bundle: it is imported with import() only, so it is a chunk of its own
 * there, and a thread can be started from it.
 */
export const workerUrl = new URL(import.meta.url);

if (!isMainThread && workerData === WORKER_NAME) await answerQuestions();

async function answerQuestions(): Promise<void> {
  const { measure } = await import('./measure.ts');
  parentPort?.on('message', async ({ bytes, format }: Question) => {
    const answer: Answer = { measured: await measure(bytes, format) };
    parentPort?.postMessage(answer);
  });
  // The library loads the parser of a format when it is first needed: not while a caller waits.
  for (const format of ['wav', 'mp3', 'ogg'] as const) await measure(new Uint8Array(64), format);
  parentPort?.postMessage('ready');
}
