import { cleanText } from '../callers/cleanText.ts';
import type { CallerRecord } from '../callers/record.ts';
import type { Override } from '../elevenlabs/agentRules.ts';
import type { VariableValue } from '../settings/initiationSettings.ts';

/** What ElevenLabs takes (https://elevenlabs.io/docs/eleven-agents/customization/personalization). Without `type` calls by Twilio fail. */
export interface InitiationAnswer {
  readonly type: 'conversation_initiation_client_data';
  readonly dynamic_variables: Readonly<Record<string, VariableValue>>;
  /** Left out when nothing is overridden: no member of it may be null or empty. */
  readonly conversation_config_override?: {
    readonly agent?: { readonly first_message?: string; readonly language?: string };
    readonly tts?: { readonly voice_id: string };
  };
}

export interface AnswerParts {
  /** `unknown`: nobody could be asked in time. */
  readonly callerKnown: 'yes' | 'no' | 'unknown';
  /** Of a known caller. */
  readonly record?: CallerRecord | undefined;
  /** `INITIATION_VARIABLES`. */
  readonly variables: Readonly<Record<string, VariableValue>>;
  /** What the agent demands; nothing when that is not known. */
  readonly demands: readonly string[];
  /** What the agent allows just now. */
  readonly allows: readonly Override[];
}

export interface ComposedAnswer {
  readonly answer: InitiationAnswer;
  /** The overrides in it. */
  readonly overrides: readonly Override[];
  /** What the agent demands and nobody has: sent as an empty text, since without it the call ends. */
  readonly filled: readonly string[];
  /** The same of secrets, which are never made up. */
  readonly missingSecrets: readonly string[];
}

/** The answer to who calls. A number is a hint and no identity, so `caller_verified` is always `no`. */
export function composeAnswer({ callerKnown, record, variables, demands, allows }: AnswerParts): ComposedAnswer {
  const sent = new Map<string, VariableValue>();
  for (const [name, value] of Object.entries(variables)) sent.set(name, cleanValue(name, value));
  for (const [name, value] of Object.entries(record?.variables ?? {})) sent.set(name, cleanValue(name, value));
  sent.set('caller_name', cleanText(record?.name ?? ''));
  sent.set('caller_known', callerKnown);
  sent.set('caller_verified', 'no');
  const missing = demands.filter((name) => !sent.has(name) && !name.startsWith('system__')); // ElevenLabs has those itself
  const filled = missing.filter((name) => !name.startsWith(SECRET));
  for (const name of filled) sent.set(name, '');
  const override = overrideOf(record, allows);
  return {
    answer: {
      type: 'conversation_initiation_client_data',
      dynamic_variables: Object.fromEntries(sent),
      ...(override.members.length === 0 ? {} : { conversation_config_override: override.config }),
    },
    overrides: override.members,
    filled,
    missingSecrets: missing.filter((name) => name.startsWith(SECRET)),
  };
}

/** Only for headers, never shown to a language model: such a value goes out as it is. */
const SECRET = 'secret__';

function cleanValue(name: string, value: VariableValue): VariableValue {
  return typeof value === 'string' && !name.startsWith(SECRET) ? cleanText(value) : value;
}

/** An override that the agent does not allow ends the call. */
function overrideOf(record: CallerRecord | undefined, allows: readonly Override[]) {
  const wanted: Record<Override, string> = {
    'agent.first_message': cleanText(record?.first_message ?? ''),
    'agent.language': record?.language ?? '',
    'tts.voice_id': record?.voice_id ?? '',
  };
  const members = allows.filter((override) => wanted[override] !== '');
  const has = (override: Override) => members.includes(override);
  const agent = {
    ...(has('agent.first_message') ? { first_message: wanted['agent.first_message'] } : {}),
    ...(has('agent.language') ? { language: wanted['agent.language'] } : {}),
  };
  const config = {
    ...(Object.keys(agent).length === 0 ? {} : { agent }),
    ...(has('tts.voice_id') ? { tts: { voice_id: wanted['tts.voice_id'] } } : {}),
  };
  return { members, config };
}
