import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import type { AudioFormat } from './audioFormat.ts';
import { measure } from './measure.ts';
import type { Measured } from './measured.ts';

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

if (!isMainThread && workerData === WORKER_NAME) answerQuestions();

function answerQuestions(): void {
  parentPort?.on('message', ({ bytes, format }: Question) => {
    const answer: Answer = { measured: measure(bytes, format) };
    parentPort?.postMessage(answer);
  });
  parentPort?.postMessage('ready');
}
