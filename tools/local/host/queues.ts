import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DequeuedMessageItem, QueueClient } from '@azure/storage-queue';
import type { QueueFunction } from './functions.ts';
import type { Invoker } from './invocation.ts';
import type { WriteLine } from './types.ts';

/** The real host looks less often when a queue stays empty; here a person waits. */
const POLL_MS = 250;
/** How long the real host hides a message that it works on, which it renews half-way; no function here takes so long. */
const HIDDEN_SECONDS = 600;

/** `extensions.queues` of host.json: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue#hostjson-settings */
interface QueueSettings {
  readonly maxDequeueCount: number;
  /** How long a message that has failed stays hidden. */
  readonly visibilityTimeoutSeconds: number;
  readonly batchSize: number;
}

export function readQueueSettings(
  given: { maxDequeueCount?: number; visibilityTimeout?: string; batchSize?: number } = {},
): QueueSettings {
  const [hours = 0, minutes = 0, seconds = 0] = (given.visibilityTimeout ?? '00:00:00').split(':').map(Number);
  return {
    maxDequeueCount: given.maxDequeueCount ?? 5,
    visibilityTimeoutSeconds: hours * 3600 + minutes * 60 + seconds,
    batchSize: given.batchSize ?? 16,
  };
}

/**
 * Fires the queue functions as the host's queue trigger does: takes messages in batches, drops those whose function ended
 * well, shows the others again after a while, and moves them to `<queue>-poison` once they were taken `maxDequeueCount` times.
 * The steps are those of QueueProcessor.cs in https://github.com/Azure/azure-sdk-for-net (sdk/storage,
 * Microsoft.Azure.WebJobs.Extensions.Storage.Queues).
 */
export class Queues {
  readonly #functions: QueueFunction[];
  readonly #settings: QueueSettings;
  readonly #invoker: Invoker;
  readonly #write: WriteLine;
  readonly #stopped = new AbortController();
  #running: Promise<void>[] = [];

  constructor(functions: QueueFunction[], settings: QueueSettings, invoker: Invoker, write: WriteLine) {
    this.#functions = functions;
    this.#settings = settings;
    this.#invoker = invoker;
    this.#write = write;
  }

  async start(): Promise<void> {
    if (this.#functions.length === 0) return;
    const { QueueServiceClient } = await import('@azure/storage-queue');
    this.#running = this.#functions.map((fn) => {
      const service = QueueServiceClient.fromConnectionString(fn.connectionString);
      const queue = service.getQueueClient(fn.queueName);
      return this.#listen(fn, queue, service.getQueueClient(`${fn.queueName}-poison`));
    });
  }

  /** Waits for the functions that are running. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#running);
  }

  async #listen(fn: QueueFunction, queue: QueueClient, poison: QueueClient): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        const { receivedMessageItems: messages } = await queue.receiveMessages({
          numberOfMessages: this.#settings.batchSize,
          visibilityTimeout: HIDDEN_SECONDS,
        });
        await Promise.all(messages.map((message) => this.#handle(fn, message, { queue, poison })));
        if (messages.length > 0) continue;
      } catch (error) {
        // The host, too, waits for a queue that does not exist yet.
        if ((error as { code?: string }).code !== 'QueueNotFound')
          this.#write({ level: 'error', message: `The queue ${fn.queueName} cannot be read: ${error}` });
      }
      await sleep(POLL_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #handle(
    fn: QueueFunction,
    message: DequeuedMessageItem,
    { queue, poison }: { queue: QueueClient; poison: QueueClient },
  ): Promise<void> {
    const { messageId, popReceipt, dequeueCount, messageText } = message;
    const { maxDequeueCount, visibilityTimeoutSeconds } = this.#settings;
    const isDone = dequeueCount <= maxDequeueCount && (await this.#invoke(fn, message));
    if (!isDone && dequeueCount < maxDequeueCount) {
      await queue.updateMessage(messageId, popReceipt, messageText, visibilityTimeoutSeconds);
      return;
    }
    if (!isDone) {
      await poison.createIfNotExists();
      await poison.sendMessage(messageText);
      const text = `Message has reached MaxDequeueCount of ${maxDequeueCount}. Moving message to queue '${poison.name}'.`;
      this.#write({ level: 'warning', message: text, functionName: fn.name });
    }
    await queue.deleteMessage(messageId, popReceipt);
  }

  async #invoke(fn: QueueFunction, { messageText, messageId, dequeueCount }: DequeuedMessageItem): Promise<boolean> {
    const invocationId = randomUUID();
    try {
      await this.#invoker.run({
        id: invocationId,
        fn,
        bindingName: fn.bindingName,
        input: { string: Buffer.from(messageText, 'base64').toString() },
        triggerMetadata: { id: { string: messageId }, dequeueCount: { json: String(dequeueCount) } },
      });
      return true;
    } catch (error) {
      this.#write({ level: 'error', message: `Failed: ${error}`, functionName: fn.name, invocationId });
      return false;
    }
  }
}
