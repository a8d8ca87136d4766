import { ElevenLabsError } from '../../../src/lib/elevenlabs/errors.ts';
import type { Call } from '../../../src/lib/elevenlabs/transport.ts';
import type { WorkspaceApi } from '../../../src/lib/elevenlabs/workspaceApi.ts';
import { Failure } from '../../command/errors.ts';
import type { AzureApi } from '../azure/azureApi.ts';
import { explainElevenLabs } from '../operatorKey.ts';
import type { Target } from '../send/target.ts';
import type { SecretStore } from './secretStore.ts';

export interface ConnectOptions {
  readonly target: Target;
  /** Chosen for these alone; empty: for the workspace. */
  readonly agentIds: readonly string[];
  readonly isConfirmed: boolean;
  readonly isDryRun: boolean;
  readonly replacesOthers: boolean;
}

/** What a run works with. */
export interface ConnectContext {
  readonly api: WorkspaceApi;
  readonly store: SecretStore;
  /** To restart the app; undefined when that is the operator's to do. */
  readonly azure: AzureApi | undefined;
  /** For the command that puts a choice back. */
  readonly baseUrl: string;
  /** One line for people. */
  readonly say: (text: string) => void;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** How long the app may take until it knows the secret, and how often it is asked. */
  readonly patience: { readonly waitMs: number; readonly everyMs: number };
}

const CALL_LIMIT_MS = 90_000;

/** A deadline for one call to ElevenLabs. */
function call(): Call {
  return { signal: AbortSignal.timeout(CALL_LIMIT_MS) };
}

/** Asks ElevenLabs; what it refuses is explained. @throws Failure */
export async function ask<T>(question: (call: Call) => Promise<T>): Promise<T> {
  try {
    return await question(call());
  } catch (error) {
    throw error instanceof ElevenLabsError ? explainElevenLabs(error) : error;
  }
}

/** The steps of a run: said, and done unless it is a dry run. */
export class Steps {
  readonly #isDryRun: boolean;
  readonly #say: (text: string) => void;

  constructor({ isDryRun }: ConnectOptions, { say }: ConnectContext) {
    this.#isDryRun = isDryRun;
    this.#say = say;
  }

  /** @returns what was done; undefined in a dry run. */
  async take<T>(says: string, action: () => Promise<T>): Promise<T | undefined> {
    this.#say(this.#isDryRun ? `would: ${says}` : says);
    return this.#isDryRun ? undefined : action();
  }
}

/** @throws Failure for what needs a confirmation that was not given; nothing has been changed by then. */
export function confirm({ isConfirmed, isDryRun }: ConnectOptions, what: string): void {
  if (!isConfirmed && !isDryRun) throw new Failure(`${what} Nothing was done; with --yes it is.`);
}
