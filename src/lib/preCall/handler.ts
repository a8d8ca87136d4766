import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import { NotConfigured } from '../errors.ts';
import type { HeldBody } from '../http/bodyMemory.ts';
import { requestBody } from '../http/requestBody.ts';
import type { Configuration } from '../settings/settings.ts';
import { withSignature } from '../signature/withSignature.ts';
import { DeliveryLog } from '../telemetry/deliveryLog.ts';
import { logTo } from '../telemetry/log.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { failure, success } from './answers.ts';
import { contextOfDelivery, type UnprovenContext } from './context.ts';
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
  readonly preCall: UnprovenContext | undefined;
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
    const log = logTo(context, services.configuration.log);
    const { now, telemetry } = services;
    const id = context.invocationId;
    const startedAt = now();
    const line = new DeliveryLog({ endpoint: 'pre-call', log, telemetry, id, now, causes: USUAL_CAUSES });
    const work = { id, signal: AbortSignal.timeout(deadlineMs), endsAtMs: performance.now() + deadlineMs, log };
    const storageEnd = AbortSignal.timeout(deadlineMs + GIVING_UP_MS);
    let conversation: string | undefined;
    let held: HeldBody | undefined;
    try {
      const unproven = services.preCall ?? notConfigured(services);
      const { signature, bodyLimitBytes, agentIds, sample: limits } = unproven.settings;
      const endpoint = { ...signature, bodyLimitBytes, bodyDeadlineSeconds: BODY_DEADLINE_SECONDS, now };
      const body = requestBody(request, context);
      const { parsed, proof } = await withSignature(endpoint, { headers: request.headers, body }, async (signed) => {
        line.begin(signed);
        held = unproven.bodies.open();
        const parsed = await readRequest(signed.body, request.headers.get('content-type'), held);
        return { parsed, proof: signed.body.proof() };
      });
      const preCall = contextOfDelivery(proof, storageEnd, unproven);
      conversation = parsed.conversationId;
      line.note({ conversation, agent: parsed.agentId });
      checkAgent(parsed, agentIds);
      const checking = checkSample(parsed.sample, limits, parsed.declaredSeconds);
      const ahead = lookAhead(preCall, parsed); // meanwhile, and only looks: a sample that is refused leaves nothing behind
      const sample = await checking;
      const prepared = await prepareCall(preCall, work, { request: parsed, sample, ...ahead });
      line.end('INFO', {
        outcome: prepared.isRepeated ? 'repeated' : prepared.isReused ? 'reused' : 'cloned',
        voice: prepared.voiceId,
        agent_updated: prepared.isAgentUpdated,
        remembered: prepared.remembered,
        sample_seconds: Math.round(sample.durationSeconds * 10) / 10,
        sample_format: sample.format,
        declared_duration_disagrees: sample.declarationDisagrees || undefined,
        status: 200,
      });
      const { greeting: greetingTemplate, agentUpdate: mode } = preCall.settings;
      return success({ request: parsed, prepared, greetingTemplate, mode, ms: now() - startedAt });
    } catch (error) {
      if (error instanceof PayloadError) conversation = error.conversationId;
      line.note({ conversation });
      line.fail(error);
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
