import { hintOf, WebhookError } from '../errors.ts';
import type { Log, LogFields } from '../telemetry/log.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Prepared } from './prepare.ts';

interface InitiationLogOptions {
  readonly log: Log;
  readonly telemetry: Telemetry | undefined;
  /** The invocation's id. */
  readonly id: string;
  /** When Node's server had the request, by `performance.now()`. */
  readonly arrivedAtMs: number;
}

/** More names than that say nothing more to whoever reads the line. */
const MOST_NAMES = 20;

/** The one log line of a question about a call, and its metrics: never a number, a name or a value. */
export class InitiationLog {
  readonly #options: InitiationLogOptions;

  constructor(options: InitiationLogOptions) {
    this.#options = options;
  }

  end({ outcome, reason, overrides, filled, missingSecrets, unusable, ...ids }: Prepared): void {
    const level =
      missingSecrets.length > 0
        ? 'ERROR'
        : outcome === 'default' || filled.length > 0 || unusable.length > 0
          ? 'WARNING'
          : 'INFO';
    this.#write(level, outcome, {
      reason,
      agent: ids.agentId,
      conversation: ids.conversationId,
      rules: ids.agentState,
      overrides: listed(overrides),
      filled_empty: listed(filled),
      missing_secrets: listed(missingSecrets),
      unusable_entries: listed(unusable.map(({ hash, reason: why }) => `${hash}:${why}`)),
      status: 200,
      hint: hintFor(filled, missingSecrets),
    });
  }

  /** Refused, or a bug, which gets the default as well. */
  fail(error: unknown): void {
    if (!(error instanceof WebhookError)) {
      const bug = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#write('ERROR', 'default', { reason: 'bug', status: 200, bug });
      return;
    }
    const { status, code } = error;
    const level = status < 500 ? 'WARNING' : 'ERROR';
    this.#write(level, status < 500 ? 'refused' : 'failed', { status, code, hint: hintOf(error, {}) });
  }

  #write(level: 'INFO' | 'WARNING' | 'ERROR', outcome: string, { reason, hint, bug, ...fields }: LogFields): void {
    const { log, telemetry, id, arrivedAtMs } = this.#options;
    const ms = Math.round(performance.now() - arrivedAtMs);
    log.write(level, 'initiation', {
      outcome,
      reason,
      ms,
      // The platform, and a process that has to start, come before that.
      ms_since: 'arrival_in_node',
      delivery: id,
      ...fields,
      hint,
      bug,
    });
    telemetry?.initiated({ outcome, reason: reason === undefined ? undefined : String(reason), ms });
  }
}

function listed(names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : names.slice(0, MOST_NAMES).join(',');
}

function hintFor(filled: readonly string[], missingSecrets: readonly string[]): string | undefined {
  if (missingSecrets.length > 0) {
    return 'The agent demands secrets that INITIATION_VARIABLES does not have, and the call ends without them.';
  }
  if (filled.length === 0) return undefined;
  return "The agent demands variables that nobody has. They were sent empty: give them a default in INITIATION_VARIABLES, or a value in the caller's entry.";
}
