import { describe, expect, it } from 'vitest';
import type { CallerRecord } from '../../../src/lib/callers/record.ts';
import { OVERRIDES } from '../../../src/lib/elevenlabs/agentRules.ts';
import { type AnswerParts, composeAnswer } from '../../../src/lib/initiation/answer.ts';

const RECORD: CallerRecord = {
  number: '+31612345678',
  name: 'Jan',
  language: 'nl',
  voice_id: 'voice_1',
  first_message: 'Dag Jan!',
  variables: { orders: 3 },
  source: 'operator',
  updated_at: '2026-11-27T00:00:00.000Z',
};
const PARTS: AnswerParts = { callerKnown: 'unknown', variables: {}, demands: [], allows: [] };
const known = (more: Partial<CallerRecord> = {}, parts: Partial<AnswerParts> = {}) =>
  composeAnswer({ ...PARTS, callerKnown: 'yes', record: { ...RECORD, ...more }, allows: OVERRIDES, ...parts });

describe('the answer', () => {
  it('of nothing at all is the default', () => {
    expect(composeAnswer(PARTS)).toEqual({
      answer: {
        type: 'conversation_initiation_client_data',
        dynamic_variables: { caller_name: '', caller_known: 'unknown', caller_verified: 'no' },
      },
      overrides: [],
      filled: [],
      missingSecrets: [],
    });
  });

  it('of a known caller has its record', () => {
    expect(known().answer).toEqual({
      type: 'conversation_initiation_client_data',
      dynamic_variables: { orders: 3, caller_name: 'Jan', caller_known: 'yes', caller_verified: 'no' },
      conversation_config_override: {
        agent: { first_message: 'Dag Jan!', language: 'nl' },
        tts: { voice_id: 'voice_1' },
      },
    });
  });

  it('keeps what a record says over the defaults, and what the app says over both', () => {
    const variables = { orders: 0, city: 'Utrecht', caller_verified: 'yes', caller_known: 'yes' };
    expect(known({}, { variables }).answer.dynamic_variables).toEqual({
      orders: 3,
      city: 'Utrecht',
      caller_name: 'Jan',
      caller_known: 'yes',
      caller_verified: 'no',
    });
  });

  it.each([
    [['agent.first_message'], { agent: { first_message: 'Dag Jan!' } }],
    [['agent.language'], { agent: { language: 'nl' } }],
    [['tts.voice_id'], { tts: { voice_id: 'voice_1' } }],
    [[], undefined],
  ] as const)('with %j allowed overrides only that', (allows, override) => {
    const { answer, overrides } = known({}, { allows });
    expect(answer.conversation_config_override).toEqual(override);
    expect(overrides).toEqual(allows);
  });

  it('overrides nothing that the record does not have', () => {
    const { number, source, updated_at } = RECORD;
    const { answer } = composeAnswer({
      ...PARTS,
      callerKnown: 'yes',
      record: { number, source, updated_at },
      allows: OVERRIDES,
    });
    expect(answer).not.toHaveProperty('conversation_config_override');
  });

  it('overrides nothing with what is empty, or is so once it is cleaned', () => {
    const record = { number: '+1', source: 'operator', updated_at: RECORD.updated_at, first_message: '{{}}\u200b' };
    const { answer } = composeAnswer({ ...PARTS, callerKnown: 'yes', record, allows: OVERRIDES });
    expect(answer).not.toHaveProperty('conversation_config_override');
    expect(JSON.stringify(answer)).not.toMatch(/null|undefined/);
  });

  it('fills what is demanded and nobody has with an empty text, but no secret', () => {
    const demands = ['orders', 'city', 'system__time', 'secret__door', 'secret__token', 'caller_name'];
    const { answer, filled, missingSecrets } = known(
      {},
      { demands, variables: { secret__token: ' as\nit is {{x}} ' } },
    );
    expect(answer.dynamic_variables).toMatchObject({ orders: 3, city: '', secret__token: ' as\nit is {{x}} ' });
    expect(answer.dynamic_variables).not.toHaveProperty('secret__door');
    expect(answer.dynamic_variables).not.toHaveProperty('system__time');
    expect({ filled, missingSecrets }).toEqual({ filled: ['city'], missingSecrets: ['secret__door'] });
  });

  it('is cleaned for a language model wherever it is text', () => {
    const dirty = 'a\r\nb {{c}} \u202ed\u200b';
    const { answer } = known(
      { name: dirty, first_message: dirty, variables: { note: dirty, long: 'x'.repeat(600), yes: true } },
      { variables: { shop: dirty } },
    );
    const clean = 'a b c d';
    expect(answer.dynamic_variables).toMatchObject({ caller_name: clean, note: clean, shop: clean, yes: true });
    expect(String(answer.dynamic_variables['long'])).toHaveLength(500);
    expect(answer.conversation_config_override?.agent?.first_message).toBe(clean);
  });

  it('takes a name that objects have of their own for a variable like any other', () => {
    const { answer } = composeAnswer({ ...PARTS, demands: ['__proto__', 'constructor'] });
    expect(JSON.parse(JSON.stringify(answer)).dynamic_variables).toEqual(
      JSON.parse('{"caller_name":"","caller_known":"unknown","caller_verified":"no","__proto__":"","constructor":""}'),
    );
  });
});
