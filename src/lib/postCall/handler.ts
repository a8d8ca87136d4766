import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import { hintOf, NotConfigured, WebhookError } from '../errors.ts';
import { problem } from '../http/problem.ts';
import { requestBody } from '../http/requestBody.ts';
import type { PostCallSettings } from '../settings/postCallSettings.ts';
import type { Configuration } from '../settings/settings.ts';
import type { Genuine } from '../signature/signedBody.ts';
import { type SignedDelivery, withSignature } from '../signature/withSignature.ts';
import { type Log, logTo } from '../telemetry/log.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { CallStore } from './callStore.ts';
import type { EventFacts } from './classify.ts';
import { type Outcome, receive } from './receive.ts';
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
    const started = services.now();
    const log = logTo(context, services.configuration.log, services.telemetry);
    let signed: SignedDelivery | undefined;
    let known: Story = {};
    let provedAt: number | undefined;
    const end = AbortSignal.timeout((bodyDeadlineSeconds + SECONDS_AFTER_BODY) * 1000);
    const story = () => ({
      ...known,
      bytes: signed?.body.receivedBytes,
      ms: services.now() - started,
      commit_ms: provedAt === undefined ? undefined : services.now() - provedAt,
      signature_age_s: signed?.signatureAgeSeconds,
      delivery: context.invocationId,
    });
    try {
      const { settings, store } = services.postCall ?? notConfigured(services);
      const endpoint = {
        ...settings.signature,
        bodyLimitBytes: settings.bodyLimitBytes,
        bodyDeadlineSeconds,
        now: services.now,
      };
      const body = requestBody(request, context);
      const outcome = await withSignature(endpoint, { headers: request.headers, body }, (delivery) => {
        signed = delivery;
        const onKnown = (facts: EventFacts, genuine: Pick<Genuine, 'secretPosition'>) => {
          known = knownFields(facts, genuine);
          provedAt = services.now();
        };
        const receivedAt = new Date(started);
        return receive({ body: delivery.body, id: context.invocationId, receivedAt, end, onKnown }, store);
      });
      return answer(outcome, story(), log);
    } catch (error) {
      return answerError(error, story(), log);
    }
  };
}

type Story = Readonly<Record<string, string | number | boolean | undefined>>;

function knownFields(facts: EventFacts, genuine: Pick<Genuine, 'secretPosition'>): Story {
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

function answer(outcome: Outcome, story: Story, log: Log): HttpResponseInit {
  const fields = {
    outcome: outcome.kind,
    ...story,
    audio_bytes: outcome.audioBytes,
    duplicate: outcome.kind === 'quarantined' ? outcome.isRepeated : outcome.kind === 'duplicate',
    blob: 'blob' in outcome ? outcome.blob : undefined,
  };
  if (outcome.kind === 'quarantined') {
    const error = refusal(outcome.reason);
    log.write('WARNING', 'delivery', { ...fields, status: error.status, code: error.code, hint: error.hint });
    return problem(error);
  }
  log.write('INFO', 'delivery', { ...fields, status: 200 });
  return { status: 200, jsonBody: { status: 'received' } };
}

/** Of a request that was not proved genuine, only sizes, times and what was wrong with it are logged. */
function answerError(error: unknown, story: Story, log: Log): HttpResponseInit {
  const answer = problem(error);
  if (error instanceof WebhookError) {
    const outcome = error.status < 500 ? 'refused' : 'failed';
    const hint = hintOf(error, USUAL_CAUSES);
    const fields = { outcome, ...story, status: error.status, code: error.code, hint };
    log.write(error.status < 500 ? 'WARNING' : 'ERROR', 'delivery', fields);
  } else {
    const bug = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log.write('ERROR', 'delivery', { outcome: 'failed', ...story, status: 500, code: 'internal_error', bug });
  }
  return answer;
}
