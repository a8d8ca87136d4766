import * as z from 'zod/mini';
import { namesIn, referencesIn } from './variableNames.ts';

/** What a caller's record may change of a conversation, as ElevenLabs names it. */
export const OVERRIDES = ['agent.first_message', 'agent.language', 'tts.voice_id'] as const;
export type Override = (typeof OVERRIDES)[number];

/** What an agent allows a call to bring along, and what it demands of it (docs/facts/elevenlabs.md#before-the-call). */
export interface AgentRules {
  readonly allows: readonly Override[];
  /** Names of dynamic variables; without one of them ElevenLabs ends the call. */
  readonly demands: readonly string[];
  /** The tools whose texts are not in the agent itself. */
  readonly toolIds: readonly string[];
}

/** Many more than an agent needs; they are read, kept and sent. */
const MOST_NAMES = 500;

const lenient = <T extends z.ZodMiniType>(schema: T) => z.catch(z.optional(schema), undefined);
const object = z.record(z.string(), z.unknown());
const flags = lenient(object);

export const agentRulesSchema = z.pipe(
  z.object({
    conversation_config: z.object({
      agent: lenient(
        z.object({
          first_message: z.optional(z.unknown()),
          prompt: lenient(object),
          dynamic_variables: lenient(z.object({ dynamic_variable_placeholders: lenient(object) })),
        }),
      ),
      language_presets: z.optional(z.unknown()),
    }),
    platform_settings: lenient(
      z.object({
        overrides: lenient(z.object({ conversation_config_override: lenient(z.object({ agent: flags, tts: flags })) })),
      }),
    ),
  }),
  z.transform(({ conversation_config: { agent, language_presets }, platform_settings }): AgentRules => {
    const allowed = platform_settings?.overrides?.conversation_config_override;
    const { tools, tool_ids } = agent?.prompt ?? {};
    const names = [
      ...Object.keys(agent?.dynamic_variables?.dynamic_variable_placeholders ?? {}),
      ...namesIn([agent?.first_message, language_presets, agent?.prompt]),
      ...referencesIn(agent?.prompt),
    ];
    return {
      allows: OVERRIDES.filter((override) => {
        const [part = '', member = ''] = override.split('.');
        return (part === 'tts' ? allowed?.tts : allowed?.agent)?.[member] === true;
      }),
      demands: demandedOf(names),
      toolIds:
        Array.isArray(tool_ids) && !hasAll(tools, tool_ids) ? tool_ids.filter((id) => typeof id === 'string') : [],
    };
  }),
);

/** The names that a tool needs. */
export const toolNamesSchema = z.pipe(
  z.object({ tool_config: z.unknown() }),
  z.transform(({ tool_config }) => demandedOf([...namesIn(tool_config), ...referencesIn(tool_config)])),
);

/** Each once; ElevenLabs itself fills those of the system. */
export function demandedOf(names: Iterable<string>): string[] {
  const own = [...new Set(names)].filter((name) => !name.startsWith('system__') && /^[^\s{}\p{C}]{1,100}$/u.test(name));
  return own.slice(0, MOST_NAMES);
}

/** Older answers have the tools themselves, newer ones their ids, and those in between both. */
function hasAll(tools: unknown, ids: readonly unknown[]): boolean {
  return Array.isArray(tools) && tools.length >= ids.length;
}
