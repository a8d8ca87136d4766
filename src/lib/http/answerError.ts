import type { HttpResponseInit, InvocationContext } from '@azure/functions';

/** An error that no handler has answered, and the request that it belongs to. */
export interface Unanswered {
  readonly error: unknown;
  /** Path and query, or the whole URL. Only decides in whose format the answer is; it is never logged. */
  readonly target: string;
  /** Undefined outside of an invocation. */
  readonly context?: InvocationContext;
}

/** Logs an error that no handler has answered, in one line, and gives the answer to the caller. Never throws. */
export type AnswerError = (unanswered: Unanswered) => HttpResponseInit;
