import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import { NotConfigured } from '../errors.ts';
import { problem } from '../http/problem.ts';
import { requestBody } from '../http/requestBody.ts';
import type { PostCallSettings } from '../settings/postCallSettings.ts';
import type { Configuration } from '../settings/settings.ts';
import type { Genuine } from '../signature/signedBody.ts';
import { withSignature } from '../signature/withSignature.ts';
import { DeliveryLog } from '../telemetry/deliveryLog.ts';
import { type LogFields, logTo } from '../telemetry/log.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { CallStore } from './callStore.ts';
import type { EventFacts } from './classify.ts';
import type { Outcome } from './outcome.ts';
import { receive } from './receive.ts';
import { refusal } from './refusal.ts';
import { USUAL_CAUSES } from './usualCauses.ts';

/** Under the 230 s after which Azure's front end gives up, with time left to answer. */
const BODY_DEADLINE_SECONDS = 220;
/** For storing what came last; together still under the 230 s. */
const SECONDS_AFTER_BODY = 7;

export interface PostCallServices {
  readonly configuration: Pick<Configuration, 'log' | 'problems'>;
  /** Undefined when a setting that a delivery needs has a problem. */
  readonly postCall: { readonly settings: PostCallSettings; readonly store: CallStore } | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly telemetry?: Telemetry | undefined;
}

export interface PostCallOptions {
  readonly bodyDeadlineSeconds?: number;
}

/** Makes the handler of `POST /elevenlabs/webhook`: gates, stream, commit, answer, and one log line. Never throws. */
export function postCallHandler(services: PostCallServices, options: PostCallOptions = {}) {
  const bodyDeadlineSeconds = options.bodyDeadlineSeconds ?? BODY_DEADLINE_SECONDS;

  return async (request: HttpRequest, context: InvocationContext): Promise<HttpResponseInit> => {
    const log = logTo(context, services.configuration.log);
    const { now, telemetry } = services;
    const id = context.invocationId;
    const line = new DeliveryLog({ endpoint: 'delivery', log, telemetry, id, now, causes: USUAL_CAUSES });
    const receivedAt = new Date(now());
    const end = AbortSignal.timeout((bodyDeadlineSeconds + SECONDS_AFTER_BODY) * 1000);
    try {
      const { settings, store } = services.postCall ?? notConfigured(services);
      const { signature, bodyLimitBytes } = settings;
      const endpoint = { ...signature, bodyLimitBytes, bodyDeadlineSeconds, now };
      const body = requestBody(request, context);
      const outcome = await withSignature(endpoint, { headers: request.headers, body }, (signed) => {
        line.begin(signed);
        const onKnown = (facts: EventFacts, genuine: Pick<Genuine, 'secretPosition'>) =>
          line.prove(facts.isUnknownType ? undefined : facts.type, knownFields(facts, genuine));
        return receive({ body: signed.body, id, receivedAt, end, onKnown }, store);
      });
      return answer(outcome, line);
    } catch (error) {
      line.fail(error);
      return problem(error);
    }
  };
}

function knownFields(facts: EventFacts, genuine: Pick<Genuine, 'secretPosition'>): LogFields {
  return {
    event: facts.type,
    inferred: facts.isInferred || undefined,
    unknown_type: facts.isUnknownType,
    conversation: facts.conversationId,
    agent: facts.agentId,
    failure_reason: facts.details?.['call_failure_reason'],
    sip_status: facts.details?.['call_sip_status'],
    provider: facts.details?.['call_provider'],
    secret: genuine.secretPosition,
  };
}

function notConfigured(services: PostCallServices): never {
  throw new NotConfigured(services.configuration.problems.map(({ setting }) => setting));
}

function answer(outcome: Outcome, line: DeliveryLog): HttpResponseInit {
  const fields = {
    outcome: outcome.kind,
    audio_bytes: outcome.audioBytes,
    duplicate: outcome.kind === 'quarantined' ? outcome.isRepeated : outcome.kind === 'duplicate',
    blob: 'blob' in outcome ? outcome.blob : undefined,
  };
  if (outcome.kind === 'quarantined') {
    const error = refusal(outcome.reason);
    line.end('WARNING', { ...fields, status: error.status, code: error.code, hint: error.hint });
    return problem(error);
  }
  line.end('INFO', { ...fields, status: 200 });
  return { status: 200, jsonBody: { status: 'received' } };
}
