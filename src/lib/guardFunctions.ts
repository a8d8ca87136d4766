import { app } from '@azure/functions';
import type { AnswerError } from './http/answerError.ts';
import { completeAnswer } from './http/completeAnswer.ts';
import { guardFront } from './http/front.ts';
import { problem } from './http/problem.ts';
import { failure } from './preCall/answers.ts';
import type { Services } from './services.ts';
import { HEADROOM_BYTES, HOST_BODY_LIMIT_BYTES } from './settings/postCallSettings.ts';
import { DeliveryLog } from './telemetry/deliveryLog.ts';
import { logTo } from './telemetry/log.ts';

const PRE_CALL = /^([a-z]+:\/\/[^/]*)?\/elevenlabs\/precall\//i;
const INITIATION = /^([a-z]+:\/\/[^/]*)?\/elevenlabs\/initiation\//i;

type Used = Pick<Services, 'configuration' | 'postCall' | 'telemetry'>;

/** Puts the guards before, and the safety net behind, every HTTP function. Call it once all functions are registered. */
export function guardFunctions(services: Used): void {
  const answerError = errorAnswers(services);
  /** What the host lets through. */
  const bodyLimitBytes =
    services.postCall === undefined
      ? HOST_BODY_LIMIT_BYTES
      : services.postCall.settings.bodyLimitBytes + HEADROOM_BYTES;
  guardFront({ answerError, bodyLimitBytes });
  app.hook.postInvocation(completeAnswer(answerError, bodyLimitBytes));
}

/**
 * What is logged, and answered, about a request that was refused in front of the functions, and about a bug. As of any other
 * delivery: one line in the format of the log, a fact for telemetry, and an answer in the format of the endpoint. Outside of an
 * invocation the line goes to the console, which the host keeps, too.
 */
function errorAnswers({ configuration, telemetry }: Used): AnswerError {
  return ({ error, target, context }) => {
    const isPreCall = PRE_CALL.test(target);
    const log = logTo(context ?? console, configuration.log);
    const endpoint = isPreCall ? 'pre-call' : INITIATION.test(target) ? 'initiation' : 'delivery';
    new DeliveryLog({ endpoint, log, telemetry, id: context?.invocationId }).fail(error);
    return isPreCall ? failure(error, undefined) : problem(error);
  };
}
