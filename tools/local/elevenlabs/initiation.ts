import type { NewConversation } from './conversations.ts';
import { asObject, type ElevenLabsState, isObject, type JsonObject, newId } from './state.ts';

/** A call that is about to begin, as the telephone system announces it. */
export interface IncomingCall {
  readonly agentId: string;
  readonly callerId: string;
  readonly calledNumber: string;
}

/** What came of asking the initiation webhook. */
export type Initiation =
  /** The agent does not ask, or nobody has said where. */
  | { readonly kind: 'not-asked' }
  | { readonly kind: 'started'; readonly answer: JsonObject }
  /** The call ends before it has begun. */
  | { readonly kind: 'failed'; readonly code: number; readonly reason: string };

/** ElevenLabs does not say how long it waits; this is longer than any receiver should need. */
const PATIENCE_MS = 5_000;
/** Of a call that lacks a dynamic variable (docs/facts/elevenlabs.md#before-the-call). */
const MISSING_VARIABLES = 1008;
const REFUSED = 1011;

/**
 * Asks the webhook that the agent, or the workspace, names, as ElevenLabs does before a call: only when the agent's flag is on.
 * The answer is checked as documented: its type, every variable that the agent defines, no override that it does not allow.
 */
export async function askInitiation(
  state: ElevenLabsState,
  { agentId, callerId, calledNumber }: IncomingCall,
  conversationId: string,
): Promise<Initiation> {
  const agent = asObject(state.agents.get(agentId));
  const webhook = webhookOf(state, agent);
  if (webhook === undefined) return { kind: 'not-asked' };
  const body = {
    caller_id: callerId,
    called_number: calledNumber,
    agent_id: agentId,
    call_sid: `CA${newId(32)}`,
    conversation_id: conversationId,
  };
  let answer: unknown;
  try {
    const response = await fetch(webhook.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...webhook.headers },
      body: JSON.stringify(body),
      redirect: 'manual',
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (response.status !== 200) return failed(`the webhook answered ${response.status}`);
    answer = await response.json();
  } catch {
    return failed('the webhook did not answer, or not with JSON');
  }
  const problem = problemOf(agent, answer);
  return problem ?? { kind: 'started', answer: asObject(answer) };
}

/** The call as ElevenLabs then has it: with the variables that came, or failed. */
export function conversationOf(call: IncomingCall, conversationId: string, initiation: Initiation): NewConversation {
  const { agentId, callerId, calledNumber } = call;
  const phone_call = { type: 'twilio', direction: 'inbound', agent_number: calledNumber, external_number: callerId };
  const startedAt = Math.floor(Date.now() / 1000);
  const metadata = { start_time_unix_secs: startedAt, call_duration_secs: 30, phone_call };
  if (initiation.kind === 'failed') {
    const { code, reason } = initiation;
    const detail = { metadata: { ...metadata, error: { code, reason } } };
    return { agentId, conversationId, startedAt, status: 'failed', audio: 0, detail };
  }
  const data = initiation.kind === 'started' ? { conversation_initiation_client_data: initiation.answer } : {};
  return { agentId, conversationId, startedAt, detail: { metadata, ...data } };
}

function webhookOf(state: ElevenLabsState, agent: JsonObject) {
  const platform = asObject(agent['platform_settings']);
  if (asObject(platform['overrides'])['enable_conversation_initiation_client_data_from_webhook'] !== true)
    return undefined;
  const name = 'conversation_initiation_client_data_webhook';
  const own = asObject(platform['workspace_overrides'])[name];
  const { url, request_headers } = asObject(isObject(own) ? own : state.workspace.settings[name]);
  if (typeof url !== 'string') return undefined;
  const headers = Object.entries(asObject(request_headers)).flatMap(([header, value]) => {
    const text = isObject(value) ? state.workspace.workspaceSecrets.get(String(value['secret_id'])) : value;
    return typeof text === 'string' ? [[header, text] as const] : [];
  });
  return { url, headers: Object.fromEntries(headers) };
}

function problemOf(agent: JsonObject, answer: unknown): Initiation | undefined {
  if (asObject(answer)['type'] !== 'conversation_initiation_client_data') return failed('the answer has no type');
  const { dynamic_variables, conversation_config_override } = asObject(answer);
  const variables = asObject(dynamic_variables);
  const odd = Object.entries(variables).filter(([, value]) => !['string', 'number', 'boolean'].includes(typeof value));
  if (odd.length > 0) return failed('a variable is no text, number or boolean');
  if (Object.keys(variables).some((name) => name.startsWith('system__'))) return failed('a variable of the system');
  const config = asObject(agent['conversation_config']);
  const missing = demandedBy(asObject(config['agent'])).filter((name) => !(name in variables));
  if (missing.length > 0) {
    return {
      kind: 'failed',
      code: MISSING_VARIABLES,
      reason: `Missing required dynamic variables: ${missing.join(', ')}`,
    };
  }
  const allowed = asObject(asObject(agent['platform_settings'])['overrides'])['conversation_config_override'];
  const refused = refusedIn(conversation_config_override ?? {}, allowed);
  return refused === undefined ? undefined : failed(`Override for field '${refused}' is not allowed by config.`);
}

function demandedBy({ dynamic_variables, first_message, prompt }: JsonObject): string[] {
  const placeholders = Object.keys(asObject(asObject(dynamic_variables)['dynamic_variable_placeholders']));
  const used = [...JSON.stringify([first_message, prompt]).matchAll(/\{\{\s*(\w+)\s*\}\}/g)].map(
    ([, name = '']) => name,
  );
  return [...new Set([...placeholders, ...used])].filter((name) => !name.startsWith('system__'));
}

/** The first member that is empty, or that the agent does not allow, as a path. */
function refusedIn(override: unknown, allowed: unknown, path = ''): string | undefined {
  if (!isObject(override)) {
    return allowed === true && override !== null && override !== '' ? undefined : path.slice(1);
  }
  for (const [name, value] of Object.entries(override)) {
    const refused = refusedIn(value, asObject(allowed)[name], `${path}.${name}`);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function failed(reason: string): Initiation {
  return { kind: 'failed', code: REFUSED, reason };
}
