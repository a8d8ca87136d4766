import type { HttpRequest, PostInvocationContext } from '@azure/functions';
import type { AnswerError } from './answerError.ts';
import { arrivals } from './arrivals.ts';
import { discardBody, requestBody } from './requestBody.ts';

/**
 * Makes the safety net behind every HTTP function, a postInvocation hook. With streams a handler that throws, or returns no
 * object, leaves the caller without an answer
 * ([azure-functions-nodejs-library#324](https://github.com/Azure/azure-functions-nodejs-library/issues/324)), and a body that was
 * not read off blocks the connection: at most `bodyLimitBytes` of it are read after the answer.
 */
export function completeAnswer(answerError: AnswerError, bodyLimitBytes: number) {
  return (hook: PostInvocationContext): void => {
    const context = hook.invocationContext;
    if (context.options.trigger.type !== 'httpTrigger') return;
    const [request] = hook.inputs as [HttpRequest]; // of an HTTP trigger
    const hasFailed = hook.error !== undefined && hook.error !== null;
    if (hasFailed || typeof hook.result !== 'object' || hook.result === null) {
      const error = hasFailed ? hook.error : new Error('The function returned no response.');
      hook.result = answerError({ error, target: request.url, context });
      hook.error = undefined;
    }
    const began = arrivals.get(context.invocationId)?.beganAtMs;
    discardBody(requestBody(request, context), bodyLimitBytes, began);
  };
}
