import type { HttpRequest, PostInvocationContext } from '@azure/functions';
import { problem } from './problem.ts';
import { discardBody, requestBody } from './requestBody.ts';

/**
 * The safety net behind every HTTP function, as a postInvocation hook. With streams a handler that throws, or returns no
 * object, leaves the caller without an answer (A§0.2), and a body that was not read off blocks the connection.
 */
export function completeAnswer(hook: PostInvocationContext): void {
  if (hook.invocationContext.options.trigger.type !== 'httpTrigger') return;
  const isAnswer = typeof hook.result === 'object' && hook.result !== null;
  if (!isAnswer || (hook.error !== undefined && hook.error !== null)) {
    hook.invocationContext.error('delivery outcome=failed status=500 code=internal_error', hook.error);
    hook.result = problem(hook.error);
    hook.error = undefined;
  }
  const [request] = hook.inputs as [HttpRequest]; // of an HTTP trigger
  discardBody(requestBody(request, hook.invocationContext));
}
