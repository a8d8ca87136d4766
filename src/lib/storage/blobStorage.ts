import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { BlobServiceClient, type ContainerClient, RestError } from '@azure/storage-blob';
import { WebhookError } from '../errors.ts';
import type { StorageConnection } from '../settings/storageConnection.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { openService } from './openService.ts';
import { codeOf, isAccessRefused, isWorthRetrying, unavailable } from './refusals.ts';
import { within } from './within.ts';

export interface RetryBudget {
  /** How long one operation may take, its retries included. */
  readonly totalMs: number;
  /** The same for an operation that persists; as usual when not given. */
  readonly persistMs?: number;
  /** How long the third and any later try may take before its connection counts as hung; the first has a third, the second two. */
  readonly tryMs: number;
}

export interface AttemptOptions {
  /** Ends it at once. */
  readonly signal?: AbortSignal;
  /** For what nobody sends again: goes on for longer, also when access is refused. */
  readonly persists?: boolean;
  /** Instead of the usual budget. */
  readonly totalMs?: number;
  readonly tryMs?: number;
}

/** How everything calls storage: see {@link BlobStorage.attempt}. */
export interface Attempts {
  attempt<T>(
    containerName: string,
    operation: (container: ContainerClient, signal: AbortSignal) => Promise<T>,
    options?: AttemptOptions,
  ): Promise<T>;
  /** The same for one piece of work, with options of its own: nothing goes on after the signal has fired. */
  until(end: AbortSignal, options?: Omit<AttemptOptions, 'signal'>): Attempts;
}

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 4_000;
const LONGEST_ASKED_DELAY_MS = 30_000;
/** When no answer came, so many tries come closely one after the other before each longer delay. */
const TRIES_IN_A_ROW = 3;
const DELAY_IN_A_ROW_MS = 50;
/** Responses about what exists; all others mean that storage cannot be used as it should. */
const DECISIONS = new Set([
  'BlobAlreadyExists',
  'ConditionNotMet',
  'TargetConditionNotMet', // of a copy, https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
  'PendingCopyOperation',
  'BlobNotFound',
]);
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
   * Runs `operation` against a container. Throttling, server errors and lost connections are retried until the budget is
   * spent, with growing delays (`Retry-After` first). Where no answer came, several tries follow closely before each longer
   * delay: a store that loses the first answers after every pause would else lose all of them. An operation may therefore
   * have been done when its answer was lost: it must be safe to repeat. Answers that say what exists (see
   * {@link isAlreadyThere}, {@link isNotFound}, {@link isCopyRefused}) come back as RestError.
   *
   * @throws {StorageUnavailable} when the budget is spent or storage refuses.
   */
  async attempt<T>(
    containerName: string,
    operation: (container: ContainerClient, signal: AbortSignal) => Promise<T>,
    { signal, persists = false, totalMs, tryMs }: AttemptOptions = {},
  ): Promise<T> {
    const usualMs = persists ? (this.#budget.persistMs ?? this.#budget.totalMs) : this.#budget.totalMs;
    const endsAt = performance.now() + (totalMs ?? usualMs);
    let answer: unknown;
    for (let tries = 1; ; tries++) {
      const mostMs = (tryMs ?? this.#budget.tryMs) * Math.min(1, tries / TRIES_IN_A_ROW);
      try {
        return await within(Math.min(endsAt - performance.now(), mostMs), signal, async (limit) =>
          withContainer(await this.#container(containerName), limit, operation),
        );
      } catch (error) {
        if (error instanceof WebhookError || isDecided(error)) throw error;
        answer = signal?.aborted ? (answer ?? error) : error;
        const waitMs = delayMs(error, tries);
        const isSpent = performance.now() + waitMs >= endsAt || signal?.aborted === true;
        if (isSpent || !(isWorthRetrying(error) || (persists && isAccessRefused(error)))) throw unavailable(answer);
        await sleep(waitMs, undefined, signal === undefined ? {} : { signal }).catch(() => {});
      }
    }
  }

  /**
   * What is done counts as this work's, even when another delivery sets it off to get a block buffer.
   */
  until(end: AbortSignal, ofWork: Omit<AttemptOptions, 'signal'> = {}): Attempts {
    const asThisWork = AsyncLocalStorage.snapshot();
    return {
      attempt: (containerName, operation, options = {}) => {
        const signal = options.signal === undefined ? end : AbortSignal.any([end, options.signal]);
        return asThisWork(() => this.attempt(containerName, operation, { ...ofWork, ...options, signal }));
      },
      until: (sooner, more) => this.until(AbortSignal.any([end, sooner]), { ...ofWork, ...more }),
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

/** Whether a write found its condition not met: with If-None-Match the blob exists, with If-Match it has changed. */
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

/**
 * Whether storage cannot read the source of a copy within the account, for example because public access is off. It says
 * the same when the source does not exist: ask the source.
 */
export function isCopyRefused(error: unknown): boolean {
  return error instanceof RestError && codeOf(error) === 'CannotVerifyCopySource';
}

function isDecided(error: unknown): boolean {
  return isAlreadyThere(error) || isNotFound(error) || isCopyRefused(error);
}

function isDecision(error: unknown, status: number): boolean {
  if (!(error instanceof RestError) || error.statusCode !== status) return false;
  const code = codeOf(error);
  return code === undefined ? status === 404 : DECISIONS.has(code);
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

function delayMs(error: unknown, tries: number): number {
  const asked = error instanceof RestError ? Number(error.response?.headers.get('retry-after')) : 0;
  if (asked > 0) return Math.min(asked * 1000, LONGEST_ASKED_DELAY_MS);
  const jitter = 0.5 + Math.random();
  const isAnswered = error instanceof RestError && error.statusCode !== undefined;
  if (!isAnswered && tries % TRIES_IN_A_ROW !== 0) return DELAY_IN_A_ROW_MS * jitter;
  const pauses = isAnswered ? tries : tries / TRIES_IN_A_ROW;
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (pauses - 1)) * jitter;
}
