import type { IncomingMessage } from 'node:http';
import { getAgent, patchAgent } from './agents.ts';
import { deleteConversation, getConversation, getRecording, listConversations } from './conversations.ts';
import { forgetKeptCall } from './keptCalls.ts';
import { BAD_KEY, notFound, ok, type Reply, refuse } from './reply.ts';
import type { Served } from './server.ts';
import type { ElevenLabsState, JsonObject } from './state.ts';
import { addVoice, deleteVoice, getVoice, listVoices } from './voices.ts';
import { answerWorkspace } from './webhooks.ts';

export interface ApiCall {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** The body of a PATCH, when it is a JSON object. */
  readonly json: JsonObject | undefined;
  readonly request: IncomingMessage;
}

/** Does what the API would do, and says what it would answer. */
export async function answer({ options, state }: Served, call: ApiCall): Promise<Reply> {
  const key = call.request.headers['xi-api-key'];
  if (!key || (options.apiKey !== undefined && key !== options.apiKey)) return refuse(BAD_KEY, state.errorFormat);

  const [, agentId] = /^\/v1\/convai\/agents\/([^/]+)$/.exec(call.path)?.map(decodeURIComponent) ?? [];
  const [, voiceId] = /^\/v1\/voices\/([^/]+)$/.exec(call.path)?.map(decodeURIComponent) ?? [];
  const [, toolId] = /^\/v1\/convai\/tools\/([^/]+)$/.exec(call.path)?.map(decodeURIComponent) ?? [];
  if (agentId !== undefined && options.makesAgents && !state.agents.has(agentId)) {
    state.addAgent({ agentId, platformSettings: ALLOWS_OVERRIDES });
  }

  const { method, path } = call;
  const [, conversationId, part] = /^\/v1\/convai\/conversations\/([^/]+)(\/audio)?$/.exec(path) ?? [];
  if (method === 'GET' && path === '/v1/convai/conversations') return listConversations(state, call.query);
  if (method === 'GET' && conversationId !== undefined) {
    return (part === undefined ? getConversation : getRecording)(state, decodeURIComponent(conversationId));
  }
  if (method === 'DELETE' && conversationId !== undefined && part === undefined) {
    const id = decodeURIComponent(conversationId);
    if (options.callsFolder !== undefined) forgetKeptCall(options.callsFolder, id);
    return deleteConversation(state, id);
  }
  if (method === 'POST' && path === '/v1/voices/add') return addVoice(state, call.request);
  if (method === 'GET' && path === '/v2/voices') return listVoices(state, call.query);
  if (method === 'GET' && path === '/v1/user/subscription') return ok(subscription(state));
  if (method === 'GET' && voiceId !== undefined) return getVoice(state, voiceId);
  if (method === 'DELETE' && voiceId !== undefined) return deleteVoice(state, voiceId);
  if (method === 'GET' && agentId !== undefined) return getAgent(state, agentId);
  if (method === 'PATCH' && agentId !== undefined) return patchAgent(state, agentId, call.json);
  if (method === 'GET' && toolId !== undefined) return getTool(state, toolId);
  return (await answerWorkspace(state, call)) ?? { status: 404, body: { detail: 'Not Found' } };
}

/** Of an agent that is made as it is asked for: everything that the app may want to override. */
export const ALLOWS_OVERRIDES: JsonObject = {
  privacy: { record_voice: true },
  overrides: {
    enable_conversation_initiation_client_data_from_webhook: true,
    conversation_config_override: { agent: { first_message: true, language: true }, tts: { voice_id: true } },
  },
};

function getTool(state: ElevenLabsState, id: string): Reply {
  const tool_config = state.tools.get(id);
  return tool_config === undefined ? refuse(notFound('tool', id), state.errorFormat) : ok({ id, tool_config });
}

function subscription(state: ElevenLabsState): JsonObject {
  return {
    tier: 'creator',
    status: 'active',
    voice_slots_used: state.slotsUsed,
    voice_limit: state.voiceLimit,
    can_use_instant_voice_cloning: state.voiceLimit > 0,
    can_extend_voice_limit: false,
    professional_voice_slots_used: 0,
    professional_voice_limit: 1,
    voice_add_edit_counter: 0,
    character_count: 0,
    character_limit: 100_000,
  };
}
