import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import { hintOf, NotConfigured, WebhookError } from '../errors.ts';
import type { HeldBody } from '../http/bodyMemory.ts';
import { requestBody } from '../http/requestBody.ts';
import type { Configuration } from '../settings/settings.ts';
import { type SignedDelivery, withSignature } from '../signature/withSignature.ts';
import { type Log, logTo } from '../telemetry/log.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { failure, success } from './answers.ts';
import { contextUntil, type PreCallContext } from './context.ts';
import { PayloadError } from './errors.ts';
import { lookAhead } from './lookAhead.ts';
import { prepareCall } from './prepare.ts';
import { type PreCallRequest, readRequest } from './request/request.ts';
import { checkSample } from './sample/sample.ts';
import { USUAL_CAUSES } from './usualCauses.ts';

const BODY_DEADLINE_SECONDS = 20;
/** Everything together; the sender is told to wait 50 s (docs/pre-call.md), and the answer has to be written, too. */
const DEADLINE_MS = 48_000;
/** After the deadline, for giving up in order: the lock of a call that could not be prepared. */
const GIVING_UP_MS = 1_000;

export interface PreCallServices {
  readonly configuration: Pick<Configuration, 'log' | 'problems' | 'preCallProblems'>;
  /** Undefined when pre-call is not configured. */
  readonly preCall: PreCallContext | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly telemetry?: Telemetry | undefined;
}

export interface PreCallOptions {
  readonly deadlineMs?: number;
}

/** Makes the handler of `POST /elevenlabs/precall/webhook`: gates, request, sample, clone, agent, answer. Never throws. */
export function preCallHandler(services: PreCallServices, { deadlineMs = DEADLINE_MS }: PreCallOptions = {}) {
  return async (request: HttpRequest, context: InvocationContext): Promise<HttpResponseInit> => {
    const started = services.now();
    const log = logTo(context, services.configuration.log, services.telemetry);
    const deadline = AbortSignal.timeout(deadlineMs);
    const endsAtMs = performance.now() + deadlineMs;
    const storageEnd = AbortSignal.timeout(deadlineMs + GIVING_UP_MS);
    let signed: SignedDelivery | undefined;
    let genuine: PreCallRequest | undefined;
    let held: HeldBody | undefined;
    const story = () => ({
      conversation: genuine?.conversationId,
      agent: genuine?.agentId,
      bytes: signed?.body.receivedBytes,
      ms: services.now() - started,
      signature_age_s: signed?.signatureAgeSeconds,
      delivery: context.invocationId,
    });
    try {
      const preCall = contextUntil(storageEnd, services.preCall ?? notConfigured(services));
      const endpoint = {
        ...preCall.settings.signature,
        bodyLimitBytes: preCall.settings.bodyLimitBytes,
        bodyDeadlineSeconds: BODY_DEADLINE_SECONDS,
        now: services.now,
      };
      const body = requestBody(request, context);
      const parsed = await withSignature(endpoint, { headers: request.headers, body }, (delivery) => {
        signed = delivery;
        held = preCall.bodies.open();
        return readRequest(delivery.body, request.headers.get('content-type'), held);
      });
      genuine = parsed;
      checkAgent(parsed, preCall.settings.agentIds);
      const checking = checkSample(parsed.sample, preCall.settings.sample, parsed.declaredSeconds);
      const ahead = lookAhead(preCall, parsed); // meanwhile, and only looks: a sample that is refused leaves nothing behind
      const sample = await checking;
      const work = { id: context.invocationId, signal: deadline, endsAtMs, log };
      const prepared = await prepareCall(preCall, work, { request: parsed, sample, ...ahead });
      log.write('INFO', 'pre-call', {
        outcome: prepared.isRepeated ? 'repeated' : prepared.isReused ? 'reused' : 'cloned',
        ...story(),
        voice: prepared.voiceId,
        agent_updated: prepared.isAgentUpdated,
        sample_seconds: Math.round(sample.durationSeconds * 10) / 10,
        sample_format: sample.format,
        duration_claim_disagrees: sample.declarationDisagrees || undefined,
        status: 200,
      });
      const { greeting: greetingTemplate, agentUpdate: mode } = preCall.settings;
      return success({ request: parsed, prepared, greetingTemplate, mode, ms: services.now() - started });
    } catch (error) {
      const conversation = error instanceof PayloadError ? error.conversationId : genuine?.conversationId;
      logFailure(error, { ...story(), conversation }, log);
      return failure(error, conversation);
    } finally {
      held?.release();
    }
  };
}

/** A leaked secret of the switch, or a wrong id in it, reaches no agent that it is not for. */
function checkAgent({ agentId, conversationId }: PreCallRequest, allowed: readonly string[]): void {
  if (allowed.length === 0 || allowed.includes(agentId)) return;
  const hint = 'PRECALL_AGENT_IDS lists the agents that pre-call may use; this one is not among them.';
  throw new PayloadError('agent_not_allowed', 'This agent is not allowed for pre-call', conversationId, hint);
}

function notConfigured({ configuration }: PreCallServices): never {
  const problems = [...configuration.problems, ...configuration.preCallProblems];
  throw new NotConfigured(problems.map(({ setting }) => setting));
}

function logFailure(error: unknown, story: Readonly<Record<string, string | number | undefined>>, log: Log): void {
  if (error instanceof WebhookError) {
    const outcome = error.status < 500 ? 'refused' : 'failed';
    const hint = hintOf(error, USUAL_CAUSES);
    const fields = { outcome, ...story, status: error.status, code: error.code, hint };
    log.write(error.status < 500 ? 'WARNING' : 'ERROR', 'pre-call', fields);
  } else {
    const bug = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log.write('ERROR', 'pre-call', { outcome: 'failed', ...story, status: 500, code: 'internal_error', bug });
  }
}
