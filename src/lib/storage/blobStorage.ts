import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { BlobServiceClient, type ContainerClient, RestError } from '@azure/storage-blob';
import { StorageUnavailable, WebhookError } from '../errors.ts';
import type { StorageConnection } from '../settings/storageConnection.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { openService } from './openService.ts';

export interface RetryBudget {
  /** How long one operation may take, its retries included. */
  readonly totalMs: number;
  /** How long one try may take before its connection counts as hung. */
  readonly tryMs: number;
}

export interface AttemptOptions {
  /** Ends it at once. */
  readonly signal?: AbortSignal;
  /** Instead of the usual budget. */
  readonly totalMs?: number;
}

/** How everything calls storage: see {@link BlobStorage.attempt}. */
export interface Attempts {
  attempt<T>(
    containerName: string,
    operation: (container: ContainerClient, signal: AbortSignal) => Promise<T>,
    options?: AttemptOptions,
  ): Promise<T>;
  /** The same for one piece of work: nothing goes on after the signal has fired. */
  until(end: AbortSignal): Attempts;
}

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 4_000;
const WORTH_RETRYING = new Set([408, 429, 500, 502, 503, 504]);
/** Answers that say what stands there; all others say that storage cannot be used as it should. */
const DECISIONS = new Set([
  'BlobAlreadyExists',
  'ConditionNotMet',
  'PendingCopyOperation',
  'BlobNotFound',
  'CannotVerifyCopySource',
]);
const PASSING = new Set(['ContainerBeingDeleted', 'ContainerBeingCreated', 'ServerBusy', 'OperationTimedOut']);

/**
 * The storage account: opens it with the right credential, creates containers when they are missing, and repeats what is
 * worth repeating within a time budget. Every call of the app to storage goes through {@link attempt}.
 */
export class BlobStorage implements Attempts {
  readonly #connection: StorageConnection | BlobServiceClient;
  readonly #budget: RetryBudget;
  readonly #telemetry: Telemetry | undefined;
  #service: Promise<BlobServiceClient> | undefined;
  readonly #containers = new Map<string, ContainerClient>();

  /** An account that is open already is used as it is: its own retries should be off. */
  constructor(connection: StorageConnection | BlobServiceClient, budget: RetryBudget, telemetry?: Telemetry) {
    this.#connection = connection;
    this.#budget = budget;
    this.#telemetry = telemetry;
  }

  /**
   * Runs `operation` against a container. Throttling, server errors and lost connections are retried with growing delays
   * (`Retry-After` first) until the budget is spent. An operation may therefore have been done when its answer was lost: it
   * must be safe to repeat. Answers that say what stands there (see {@link isAlreadyThere}, {@link isNotFound}) come back as
   * RestError.
   *
   * @throws {StorageUnavailable} when the budget is spent or storage refuses.
   */
  async attempt<T>(
    containerName: string,
    operation: (container: ContainerClient, signal: AbortSignal) => Promise<T>,
    { signal, totalMs = this.#budget.totalMs }: AttemptOptions = {},
  ): Promise<T> {
    const endsAt = performance.now() + totalMs;
    for (let tries = 1; ; tries++) {
      const tryMs = Math.min(endsAt - performance.now(), this.#budget.tryMs);
      try {
        return await within(tryMs, signal, async (limit) =>
          withContainer(await this.#container(containerName), limit, operation),
        );
      } catch (error) {
        if (error instanceof WebhookError || isAlreadyThere(error) || isNotFound(error)) throw error;
        const waitMs = delayMs(error, tries);
        const isSpent = performance.now() + waitMs >= endsAt || signal?.aborted === true;
        if (isSpent || !isWorthRetrying(error)) throw unavailable(error);
        await sleep(waitMs, undefined, signal === undefined ? {} : { signal }).catch(() => {});
      }
    }
  }

  /**
   * What is done counts as this work's, even when another delivery sets it off to get a block buffer.
   */
  until(end: AbortSignal): Attempts {
    const asThisWork = AsyncLocalStorage.snapshot();
    return {
      attempt: (containerName, operation, options = {}) => {
        const signal = options.signal === undefined ? end : AbortSignal.any([end, options.signal]);
        return asThisWork(() => this.attempt(containerName, operation, { ...options, signal }));
      },
      until: (sooner) => this.until(AbortSignal.any([end, sooner])),
    };
  }

  async #container(name: string): Promise<ContainerClient> {
    const known = this.#containers.get(name);
    if (known !== undefined) return known;
    const container = (await this.#open()).getContainerClient(name);
    this.#containers.set(name, container);
    return container;
  }

  async #open(): Promise<BlobServiceClient> {
    if (this.#connection instanceof BlobServiceClient) return this.#connection;
    this.#service ??= openService(this.#connection, this.#telemetry).catch((error: unknown) => {
      this.#service = undefined;
      throw error;
    });
    return this.#service;
  }
}

/** Whether a write found its condition not met: with If-None-Match something stands there, with If-Match it has changed. */
export function isAlreadyThere(error: unknown): boolean {
  return isDecision(error, 409) || isDecision(error, 412);
}

export function isNotFound(error: unknown): boolean {
  return isDecision(error, 404);
}

/** Whoever only reads takes this for an empty container, and does not want it to be made (see {@link BlobStorage.attempt}). */
export function isNoContainer(error: unknown): boolean {
  return error instanceof RestError && codeOf(error) === 'ContainerNotFound';
}

function isDecision(error: unknown, status: number): boolean {
  if (!(error instanceof RestError) || error.statusCode !== status) return false;
  const code = codeOf(error);
  return code === undefined ? status === 404 : DECISIONS.has(code);
}

/** Storage's own code; an answer to HEAD has it only in its headers. */
function codeOf(error: RestError): string | undefined {
  return error.response?.headers.get('x-ms-error-code') ?? error.code;
}

/** Ends the waiting even when the operation does not heed its signal, as asking for a token does not. */
async function within<T>(
  ms: number,
  outer: AbortSignal | undefined,
  operation: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const stop = () => {
    limit.abort();
    reject(new AbortError('The time limit has passed'));
  };
  try {
    timer = setTimeout(stop, Math.max(0, ms));
    outer?.addEventListener('abort', stop, { once: true });
    if (outer?.aborted) stop();
    return await Promise.race([operation(limit.signal), ended]);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener('abort', stop);
    ended.catch(() => {});
  }
}

class AbortError extends Error {
  override readonly name = 'AbortError';
}

async function withContainer<T>(
  container: ContainerClient,
  signal: AbortSignal,
  operation: (container: ContainerClient, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await operation(container, signal);
  } catch (error) {
    if (!isNoContainer(error)) throw error;
    await container.createIfNotExists({ abortSignal: signal });
    return operation(container, signal);
  }
}

function isWorthRetrying(error: unknown): boolean {
  if (!(error instanceof RestError)) return error instanceof Error && error.name === 'AbortError'; // one try timed out
  if (error.statusCode === undefined || PASSING.has(codeOf(error) ?? '')) return true;
  return WORTH_RETRYING.has(error.statusCode);
}

function delayMs(error: unknown, tries: number): number {
  const asked = error instanceof RestError ? Number(error.response?.headers.get('retry-after')) : 0;
  if (asked > 0) return asked * 1000;
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (tries - 1)) * (0.75 + Math.random() / 2);
}

function unavailable(error: unknown): StorageUnavailable {
  const status = error instanceof RestError ? error.statusCode : undefined;
  const code =
    error instanceof RestError ? (codeOf(error) ?? 'no code') : error instanceof Error ? error.name : 'unknown';
  if (status === 401 || status === 403) {
    return new StorageUnavailable(
      `Storage refuses access (${status} ${code}). Give the app's identity the role Storage Blob Data Contributor on the ` +
        'account, or correct the key in CallStorage (or AzureWebJobsStorage), and look at the network rules of the account.',
      error,
    );
  }
  if (isOldAzurite(error)) {
    return new StorageUnavailable(
      'This Azurite is too old for the storage library of the app: update it (npm install -g azurite), or start it with ' +
        '--skipApiVersionCheck. npm start brings one that fits.',
      error,
    );
  }
  if (status !== undefined && !isWorthRetrying(error)) {
    return new StorageUnavailable(`Storage refuses what the app asks of it (${status} ${code}).`, error);
  }
  return new StorageUnavailable(
    `Storage did not answer within the time budget (${status ?? 'no answer'}, ${code}). Is the account named by CallStorage ` +
      '(or AzureWebJobsStorage) right and reachable? On a laptop: does Azurite run?',
    error,
  );
}

/** An Azurite refuses every API version that is newer than itself (`checkApiVersion` in github.com/Azure/Azurite). */
function isOldAzurite(error: unknown): boolean {
  if (!(error instanceof RestError) || error.statusCode !== 400 || codeOf(error) !== 'InvalidHeaderValue') return false;
  return error.response?.headers.get('server')?.startsWith('Azurite') === true;
}
