import type { IncomingMessage } from 'node:http';
import { addConversation, type NewConversation } from './conversations.ts';
import type { Fault } from './faults.ts';
import { askInitiation, conversationOf, type IncomingCall } from './initiation.ts';
import { ok, type Reply } from './reply.ts';
import { ALLOWS_OVERRIDES } from './routes.ts';
import type { Served } from './server.ts';
import { newId } from './state.ts';
import { readJson } from './wire.ts';

/**
 * What is not part of the API, for another process that uses the stand-in: `GET /__state` shows voices, agents and requests,
 * `POST /__fail` takes a {@link Fault}, `POST /__agents` an agent as `{agentId, voiceId?, firstMessage?}`, `POST /__calls` a call
 * that no webhook tells of, as a {@link NewConversation}, `POST /__incoming` one as `{agentId, callerId, calledNumber}` before
 * which the initiation webhook is asked, and `POST /__reset` forgets everything. Undefined for a path of the API.
 */
export async function control(
  { options, state, faults }: Served,
  method: string,
  path: string,
  request: IncomingMessage,
): Promise<Reply | undefined> {
  switch (`${method} ${path}`) {
    case 'GET /__state':
      return ok(state);
    case 'POST /__fail': {
      try {
        faults.add((await readJson(request)) as unknown as Fault); // add checks the kind, the rest has defaults
        return ok({ status: 'ok' });
      } catch (error) {
        return { status: 400, body: { detail: String(error) } };
      }
    }
    case 'POST /__agents': {
      const { agentId, voiceId, firstMessage } = (await readJson(request)) ?? {};
      if (typeof agentId !== 'string') return { status: 400, body: { detail: 'agentId is missing' } };
      return ok(
        state.addAgent({
          agentId,
          ...(typeof voiceId === 'string' ? { voiceId } : {}),
          ...(typeof firstMessage === 'string' ? { firstMessage } : {}),
        }),
      );
    }
    case 'POST /__calls': {
      const call = await readJson(request);
      if (typeof call?.['agentId'] !== 'string') return { status: 400, body: { detail: 'agentId is missing' } };
      return ok({ conversation_id: addConversation(state, call as unknown as NewConversation) }); // the rest has defaults
    }
    case 'POST /__incoming': {
      const { agentId, callerId, calledNumber } = (await readJson(request)) ?? {};
      if (![agentId, callerId, calledNumber].every((value) => typeof value === 'string')) {
        return { status: 400, body: { detail: 'agentId, callerId and calledNumber are texts' } };
      }
      const call = { agentId, callerId, calledNumber } as IncomingCall; // as was just seen
      const conversationId = `conv_${newId(16)}`;
      if (options.makesAgents && !state.agents.has(call.agentId))
        state.addAgent({ agentId: call.agentId, platformSettings: ALLOWS_OVERRIDES });
      const initiation = await askInitiation(state, call, conversationId);
      addConversation(state, conversationOf(call, conversationId, initiation));
      return ok({ conversation_id: conversationId, initiation });
    }
    case 'POST /__reset':
      state.clear();
      faults.clear();
      return ok({ status: 'ok' });
    default:
      return undefined;
  }
}
