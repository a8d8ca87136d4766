import { hintOf, RequestError, type UsualCauses, WebhookError } from '../errors.ts';
import type { Log, LogFields } from './log.ts';
import type { Telemetry } from './telemetry.ts';

/** Which endpoint a delivery came to: the first word of its line. */
type Endpoint = 'delivery' | 'pre-call' | 'initiation';

export interface DeliveryLogOptions {
  readonly endpoint: Endpoint;
  readonly log: Log;
  readonly telemetry?: Telemetry | undefined;
  /** The invocation's id; undefined when a request was refused before there was one. */
  readonly id: string | undefined;
  /** Milliseconds since 1970. Undefined for a request that reached no handler: how long it took is not known. */
  readonly now?: () => number;
  readonly causes?: UsualCauses;
}

/** What a signed delivery says about itself while it arrives. */
interface Signed {
  readonly body: { readonly receivedBytes: number };
  readonly signatureAgeSeconds: number;
}

/**
 * The one log line of a delivery, and its metrics: filled on the way, written once at the end. Until a delivery is proved
 * genuine, only sizes, times and what was wrong with it may go into it.
 *
 * ```ts
 * const line = new DeliveryLog({ endpoint: 'delivery', log, telemetry, id: context.invocationId, now });
 * line.note({ conversation });
 * line.end('INFO', { outcome: 'stored', status: 200 });
 * ```
 */
export class DeliveryLog {
  readonly #startedAt: number | undefined;
  readonly #options: DeliveryLogOptions;
  #event: string | undefined;
  #noted: LogFields = {};
  #signed: Signed | undefined;
  #provedAt: number | undefined;

  constructor(options: DeliveryLogOptions) {
    this.#options = options;
    this.#startedAt = options.now?.();
    if (options.endpoint === 'pre-call') this.#event = 'pre_call';
  }

  /** The signature's header is in order; the body is about to arrive. */
  begin(signed: Signed): void {
    this.#signed = signed;
  }

  /** The delivery is genuine and about to be stored. `event` is a known type, and becomes a dimension of the metrics. */
  prove(event: string | undefined, fields: LogFields): void {
    this.#event = event;
    this.#provedAt = this.#options.now?.();
    this.note(fields);
  }

  note(fields: LogFields): void {
    this.#noted = { ...this.#noted, ...fields };
  }

  /** Writes the line of a delivery that was handled. */
  end(level: 'INFO' | 'WARNING', { outcome, ...fields }: LogFields & { readonly outcome: string }): void {
    this.#write(level, outcome, fields);
  }

  /** Writes the line of a delivery that failed: refused below 500, else failed; of a bug with its stack. */
  fail(error: unknown): void {
    if (!(error instanceof WebhookError)) {
      const bug = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#write('ERROR', 'failed', { status: 500, code: 'internal_error', bug });
      return;
    }
    const { status, code } = error;
    const reason = error instanceof RequestError ? error.reason : undefined;
    const fields = { status, code, reason, hint: hintOf(error, this.#options.causes ?? {}) };
    if (status < 500) this.#write('WARNING', 'refused', fields);
    else this.#write('ERROR', 'failed', fields);
  }

  #write(
    level: 'INFO' | 'WARNING' | 'ERROR',
    outcome: string,
    { status, code, reason, hint, bug, ...fields }: LogFields,
  ): void {
    const { endpoint, log, telemetry, id } = this.#options;
    const bytes = this.#signed?.body.receivedBytes;
    const commitMs = this.#since(this.#provedAt);
    const signatureAgeSeconds = this.#signed?.signatureAgeSeconds;
    log.write(level, endpoint, {
      outcome,
      ...this.#noted,
      bytes,
      ms: this.#since(this.#startedAt),
      commit_ms: commitMs,
      signature_age_s: signatureAgeSeconds,
      delivery: id,
      ...fields,
      status,
      code,
      reason,
      hint,
      bug,
    });
    telemetry?.delivery({
      event: this.#event,
      outcome,
      code: code === undefined ? undefined : String(code),
      bytes,
      signatureAgeSeconds,
      commitMs,
    });
  }

  #since(start: number | undefined): number | undefined {
    const { now } = this.#options;
    return start === undefined || now === undefined ? undefined : now() - start;
  }
}
