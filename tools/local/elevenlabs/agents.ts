import { malformed, notFound, ok, type Reply, refuse } from './reply.ts';
import { asObject, type ElevenLabsState, isObject, type JsonObject, newId } from './state.ts';

export function getAgent(state: ElevenLabsState, id: string): Reply {
  const agent = state.agents.get(id);
  return agent === undefined ? refuse(notFound('agent', id), state.errorFormat) : ok(agent);
}

/** `PATCH /v1/convai/agents/{id}`: each one makes a new version (docs/facts/elevenlabs.md#agents). */
export function patchAgent(state: ElevenLabsState, id: string, patch: JsonObject | undefined): Reply {
  const agent = state.agents.get(id);
  if (agent === undefined) return refuse(notFound('agent', id), state.errorFormat);
  if (patch === undefined) return malformed(['body'], 'JSON decode error', 'json_invalid');
  const metadata = { ...asObject(agent['metadata']), updated_at_unix_secs: Math.floor(Date.now() / 1000) };
  const patched = { ...merge(agent, patch), metadata, version_id: `agtvrsn_${newId(8)}` };
  state.agents.set(id, patched);
  return ok(patched);
}

/** Objects are merged deeply, arrays replaced, null clears (docs/facts/elevenlabs.md#agents). */
function merge(base: JsonObject, patch: JsonObject): JsonObject {
  const merged = { ...base };
  for (const [name, value] of Object.entries(patch)) {
    const old = merged[name];
    merged[name] = isObject(value) ? merge(isObject(old) ? old : {}, value) : value;
  }
  return merged;
}
