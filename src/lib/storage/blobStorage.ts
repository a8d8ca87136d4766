import { setTimeout as sleep } from 'node:timers/promises';
import { BlobServiceClient, type ContainerClient, RestError } from '@azure/storage-blob';
import { StorageUnavailable, WebhookError } from '../errors.ts';
import type { StorageConnection } from '../storageConnection.ts';

export interface RetryBudget {
  /** How long one operation may take, its retries included. */
  readonly totalMs: number;
  /** How long one try may take before its connection counts as hung. */
  readonly tryMs: number;
}

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 4_000;
const WORTH_RETRYING = new Set([408, 429, 500, 502, 503, 504]);

/**
 * The storage account: opens it with the right credential, creates containers when they are missing, and repeats what is
 * worth repeating within a time budget. Every call of the app to storage goes through {@link attempt}.
 */
export class BlobStorage {
  readonly #connection: StorageConnection;
  readonly #budget: RetryBudget;
  #service: Promise<BlobServiceClient> | undefined;
  readonly #containers = new Map<string, ContainerClient>();

  constructor(connection: StorageConnection, budget: RetryBudget) {
    this.#connection = connection;
    this.#budget = budget;
  }

  /**
   * Runs `operation` against a container. Throttling, server errors and lost connections are retried with growing delays
   * (`Retry-After` first) until the budget is spent. An operation may therefore have been done when its answer was lost: it
   * must be safe to repeat. Answers that are decisions (404, 409, 412) come back as RestError.
   *
   * @throws {StorageUnavailable} when the budget is spent or storage refuses access.
   */
  async attempt<T>(
    containerName: string,
    operation: (container: ContainerClient, signal: AbortSignal) => Promise<T>,
    options: { signal?: AbortSignal; totalMs?: number } = {},
  ): Promise<T> {
    const endsAt = performance.now() + (options.totalMs ?? this.#budget.totalMs);
    for (let tries = 1; ; tries++) {
      const leftMs = endsAt - performance.now();
      const limit = new AbortController();
      const stop = () => limit.abort();
      const timer = setTimeout(stop, Math.min(leftMs, this.#budget.tryMs));
      options.signal?.addEventListener('abort', stop);
      try {
        if (options.signal?.aborted) throw new StorageUnavailable('The delivery was given up.');
        return await withContainer(await this.#container(containerName), limit.signal, operation);
      } catch (error) {
        if (error instanceof WebhookError) throw error;
        const isDecision = error instanceof RestError && [400, 404, 409, 412].includes(error.statusCode ?? 0);
        if (isDecision) throw error;
        const waitMs = delayMs(error, tries);
        const isSpent = performance.now() + waitMs >= endsAt || options.signal?.aborted === true;
        if (isSpent || !isWorthRetrying(error)) throw unavailable(error);
        await sleep(waitMs, undefined, options.signal === undefined ? {} : { signal: options.signal }).catch(() => {});
      } finally {
        clearTimeout(timer);
        options.signal?.removeEventListener('abort', stop);
      }
    }
  }

  async #container(name: string): Promise<ContainerClient> {
    const known = this.#containers.get(name);
    if (known !== undefined) return known;
    const container = (await this.#open()).getContainerClient(name);
    this.#containers.set(name, container);
    return container;
  }

  #open(): Promise<BlobServiceClient> {
    this.#service ??= openService(this.#connection).catch((error: unknown) => {
      this.#service = undefined;
      throw error;
    });
    return this.#service;
  }
}

/** Whether a write with If-None-Match found something there. */
export function isAlreadyThere(error: unknown): boolean {
  return error instanceof RestError && (error.statusCode === 409 || error.statusCode === 412);
}

export function isNotFound(error: unknown): boolean {
  return error instanceof RestError && error.statusCode === 404;
}

async function openService(connection: StorageConnection): Promise<BlobServiceClient> {
  // One try a call: BlobStorage.attempt retries by time, which the SDK's own policy (by count) cannot.
  const options = { retryOptions: { maxTries: 1 } };
  if (connection.kind === 'connection-string') {
    return BlobServiceClient.fromConnectionString(connection.connectionString, options);
  }
  const { DefaultAzureCredential, ManagedIdentityCredential } = await import('@azure/identity');
  const { blobServiceUri, clientId, managed } = connection;
  const credential = managed
    ? new ManagedIdentityCredential(clientId === undefined ? {} : { clientId })
    : new DefaultAzureCredential(clientId === undefined ? {} : { managedIdentityClientId: clientId });
  return new BlobServiceClient(blobServiceUri, credential, options);
}

async function withContainer<T>(
  container: ContainerClient,
  signal: AbortSignal,
  operation: (container: ContainerClient, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await operation(container, signal);
  } catch (error) {
    if (!(error instanceof RestError && error.code === 'ContainerNotFound')) throw error;
    await container.createIfNotExists({ abortSignal: signal });
    return operation(container, signal);
  }
}

function isWorthRetrying(error: unknown): boolean {
  if (!(error instanceof RestError)) return error instanceof Error && error.name === 'AbortError'; // one try timed out
  return error.statusCode === undefined || WORTH_RETRYING.has(error.statusCode);
}

function delayMs(error: unknown, tries: number): number {
  const asked = error instanceof RestError ? Number(error.response?.headers.get('retry-after')) : 0;
  if (asked > 0) return asked * 1000;
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (tries - 1)) * (0.75 + Math.random() / 2);
}

function unavailable(error: unknown): StorageUnavailable {
  const status = error instanceof RestError ? error.statusCode : undefined;
  const code = error instanceof RestError ? (error.code ?? 'no code') : error instanceof Error ? error.name : 'unknown';
  if (status === 401 || status === 403) {
    return new StorageUnavailable(
      `Storage refuses access (${status} ${code}). Give the app's identity the role Storage Blob Data Contributor on the ` +
        'account, or correct the key in CallStorage (or AzureWebJobsStorage), and look at the network rules of the account.',
      error,
    );
  }
  return new StorageUnavailable(
    `Storage did not answer within the time budget (${status ?? 'no answer'}, ${code}). Is the account named by CallStorage ` +
      '(or AzureWebJobsStorage) right and reachable? On a laptop: does Azurite run?',
    error,
  );
}
