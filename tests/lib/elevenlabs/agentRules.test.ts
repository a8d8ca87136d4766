import { describe, expect, it } from 'vitest';
import { agentRulesSchema, toolNamesSchema } from '../../../src/lib/elevenlabs/agentRules.ts';

interface Given {
  readonly agent?: object;
  readonly override?: object | null;
}

function rulesOf({ agent = {}, override = {} }: Given, more: object = {}) {
  return agentRulesSchema.parse({
    agent_id: 'agent_1',
    conversation_config: { agent, ...more },
    platform_settings: { overrides: { conversation_config_override: override } },
  });
}

describe('what an agent allows', () => {
  it.each([
    [
      {
        agent: { first_message: true, language: true, prompt: { prompt: true } },
        tts: { voice_id: true, speed: true },
      },
      ['agent.first_message', 'agent.language', 'tts.voice_id'],
    ],
    [{ agent: { first_message: true, language: false }, tts: { voice_id: null } }, ['agent.first_message']],
    [{ tts: { voice_id: 'true' } }, []],
    [{ agent: null, tts: true }, []],
    [null, []],
    [{}, []],
  ])('%j: %j', (override, allows) => {
    expect(rulesOf({ override }).allows).toEqual(allows);
  });

  it('is nothing when ElevenLabs does not say it', () => {
    const rules = { allows: [], demands: [], toolIds: [] };
    expect(agentRulesSchema.parse({ conversation_config: {} })).toEqual(rules);
    expect(agentRulesSchema.parse({ conversation_config: { agent: null }, platform_settings: null })).toEqual(rules);
    expect(agentRulesSchema.safeParse({}).success).toBe(false);
  });
});

describe('what an agent demands', () => {
  it('is each placeholder, and each name in its texts, once and without those of the system', () => {
    const agent = {
      first_message: 'Hello {{ caller_name }}, {{shop}}!',
      dynamic_variables: { dynamic_variable_placeholders: { city: 'test value', shop: '', system__time: '' } },
      prompt: { prompt: 'It is {{system__time_utc}} for {{tier}} {{}} {{a b}} {single} {{tier}}', llm: 'x' },
    };
    expect(rulesOf({ agent }).demands).toEqual(expect.arrayContaining(['city', 'shop', 'caller_name', 'tier']));
    expect(rulesOf({ agent }).demands).toHaveLength(4);
  });

  it('is also what greetings in other languages and tools need, but not what a tool assigns', () => {
    const tool = {
      type: 'webhook',
      description: 'Looks up {{order}}',
      api_schema: {
        url: 'https://example.com/{{path}}',
        request_headers: { 'x-key': { variable_name: 'secret__key' } },
        request_body_schema: { properties: { id: { type: 'string', dynamic_variable: 'customer' } } },
      },
      assignments: [{ source: 'response', dynamic_variable: 'result', value_path: 'a' }],
    };
    const presets = { language_presets: { de: { overrides: { agent: { first_message: 'Hallo {{anrede}}' } } } } };
    const { demands } = rulesOf({ agent: { prompt: { prompt: '', tools: [tool] } } }, presets);
    expect([...demands].sort()).toEqual(['anrede', 'customer', 'order', 'path', 'secret__key']);
    expect([...toolNamesSchema.parse({ tool_config: tool })].sort()).toEqual([
      'customer',
      'order',
      'path',
      'secret__key',
    ]);
  });

  it('has the tools to ask for, unless they are in the answer', () => {
    expect(rulesOf({ agent: { prompt: { tool_ids: ['tool_1', 'tool_2'] } } }).toolIds).toEqual(['tool_1', 'tool_2']);
    expect(rulesOf({ agent: { prompt: { tool_ids: ['tool_1'], tools: [{}] } } }).toolIds).toEqual([]);
    expect(rulesOf({ agent: { prompt: { tool_ids: ['tool_1', 'tool_2'], tools: [{}] } } }).toolIds).toHaveLength(2);
    expect(rulesOf({ agent: { prompt: { tool_ids: 'tool_1' } } }).toolIds).toEqual([]);
  });

  it('is bounded, however many names and however deep', () => {
    const many = Array.from({ length: 2_000 }, (_each, index) => `{{name_${index}}}`).join();
    expect(rulesOf({ agent: { first_message: many } }).demands).toHaveLength(500);
    const deep = JSON.parse(`${'['.repeat(5_000)}"{{deep}}"${']'.repeat(5_000)}`);
    expect(rulesOf({ agent: { prompt: { tools: deep } } }).demands).toEqual(['deep']);
    expect(rulesOf({ agent: { first_message: `{{${'x'.repeat(101)}}}` } }).demands).toEqual([]);
  });
});
