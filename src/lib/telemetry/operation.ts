import { AsyncLocalStorage } from 'node:async_hooks';
import type { PreInvocationContext } from '@azure/functions';

/** The invocation as the host reports it: what belongs to it carries these ids. */
export interface Operation {
  /** The host's operation id. */
  readonly traceId: string;
  /** The id of the host's request telemetry. */
  readonly spanId: string;
}

const operations = new AsyncLocalStorage<Operation>();

/** The invocation that the running code works for; undefined outside of one, or when nobody asked for it to be followed. */
export function currentOperation(): Operation | undefined {
  return operations.getStore();
}

/** As a preInvocation hook: everything that the handler begins belongs to the invocation from here on. */
export function bindOperation(hook: PreInvocationContext): void {
  const operation = operationOf(hook.invocationContext.traceContext?.traceParent);
  if (operation === undefined) return;
  const handle = hook.functionHandler;
  hook.functionHandler = (...inputs) => operations.run(operation, () => handle(...inputs));
}

/**
 * Reads a W3C `traceparent`. Its last part, whether it is sampled, says nothing here: the host samples its own telemetry by other
 * rules and writes 00 when it keeps the request all the same.
 */
export function operationOf(traceParent: string | undefined): Operation | undefined {
  const [, traceId, spanId] = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-[\da-f]{2}/.exec(traceParent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId };
}
