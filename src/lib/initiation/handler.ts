import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import { BodyError, NotConfigured, type WebhookError } from '../errors.ts';
import { arrivals } from '../http/arrivals.ts';
import { problem } from '../http/problem.ts';
import { requestBody } from '../http/requestBody.ts';
import type { Configuration } from '../settings/settings.ts';
import { logTo } from '../telemetry/log.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { composeAnswer, type InitiationAnswer } from './answer.ts';
import { BearerError, checkBearer } from './bearer.ts';
import type { InitiationContext } from './context.ts';
import { InitiationLog } from './initiationLog.ts';
import { prepareAnswer } from './prepare.ts';

/** For writing the answer, also of many calls at once that all wait until the deadline. */
const WRITING_MS = 100;

export interface InitiationServices {
  readonly configuration: Pick<Configuration, 'log' | 'initiation'>;
  /** Undefined when it is not configured. */
  readonly initiation: InitiationContext | undefined;
  readonly telemetry?: Telemetry | undefined;
}

/**
 * Makes the handler of `POST /elevenlabs/initiation/webhook`, which ElevenLabs asks before a call. An error or a slow answer can
 * keep the call from starting (https://elevenlabs.io/docs/eleven-agents/customization/personalization), so whoever may ask gets
 * 200 and a valid answer by the deadline, whatever fails. The deadline counts from when Node's server has the request: what the
 * platform and a cold start take before that is not in it.
 */
export function initiationHandler(services: InitiationServices) {
  return async (request: HttpRequest, context: InvocationContext): Promise<HttpResponseInit> => {
    const arrivedAtMs = arrivals.get(context.invocationId)?.beganAtMs ?? performance.now();
    const { configuration, telemetry } = services;
    const log = logTo(context, configuration.log);
    const line = new InitiationLog({ log, telemetry, id: context.invocationId, arrivedAtMs });
    try {
      const initiation = services.initiation ?? notConfigured(services);
      const { secrets, deadlineMs } = initiation.settings;
      checkBearer(request.headers.get('authorization'), secrets);
      const deadline = new Deadline(arrivedAtMs + deadlineMs - Math.min(WRITING_MS, deadlineMs / 5));
      try {
        const prepared = await prepareAnswer(initiation, requestBody(request, context), deadline.signal);
        line.end(prepared);
        return ok(prepared.answer);
      } finally {
        deadline.clear();
      }
    } catch (error) {
      line.fail(error);
      return isRefused(error) ? refusal(error) : ok(bareAnswer(services));
    }
  };
}

/** A timer that does not outlive its request. */
class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  /** @param atMs by `performance.now()`. */
  constructor(atMs: number) {
    this.#timer = setTimeout(() => this.#controller.abort(), Math.max(0, atMs - performance.now()));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

function ok(answer: InitiationAnswer): HttpResponseInit {
  return { status: 200, headers: { 'cache-control': 'no-store' }, jsonBody: answer };
}

/** After a bug: what needs nothing but the settings. */
function bareAnswer({ initiation }: InitiationServices): InitiationAnswer {
  const variables = initiation?.settings.variables ?? {};
  return composeAnswer({ callerKnown: 'unknown', variables, demands: [], allows: [] }).answer;
}

/** Whoever may ask gets an answer, but for a body that is too large. */
function isRefused(error: unknown): error is WebhookError {
  return error instanceof BearerError || error instanceof BodyError || error instanceof NotConfigured;
}

function refusal(error: WebhookError): HttpResponseInit {
  const answer = problem(error);
  if (!(error instanceof BearerError)) return answer;
  return { ...answer, headers: { ...(answer.headers as Record<string, string>), 'www-authenticate': 'Bearer' } };
}

function notConfigured({ configuration }: InitiationServices): never {
  const { isUsed, problems } = configuration.initiation;
  throw new NotConfigured(isUsed ? problems.map(({ setting }) => setting) : ['INITIATION_SECRET']);
}
