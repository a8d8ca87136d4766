import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../../src/lib/postCall/classify.ts';
import { eventTypes } from '../../../src/lib/postCall/events.ts';
import { verdictOn } from './verdictOn.ts';

const AT = 1_739_537_297;
const CALL = { agent_id: 'agent_1', conversation_id: 'conv-1' };
const FACTS = { isInferred: false, timestampSeconds: AT, agentId: 'agent_1', conversationId: 'conv-1' };

const verdictOf = (event: unknown): Verdict => verdictOn(Buffer.from(JSON.stringify(event)));

describe('an event of a call', () => {
  it.each([
    ['post_call_transcription', 'transcripts', { transcript: [], analysis: null }],
    ['post_call_transcription', 'transcripts', {}],
    ['post_call_transcription', 'transcripts', { otlp_traces: { resourceSpans: [] } }],
    ['post_call_transcription_otel', 'transcripts', { otlp_traces: { resourceSpans: [] } }],
    ['post_call_transcription_otel', 'transcripts', {}],
    ['post_call_audio', 'audio', { full_audio: 'QUJD' }],
    ['post_call_audio', 'audio', { full_audio: '' }],
    ['call_initiation_failure', 'callFailures', { failure_reason: 'busy', metadata: { type: 'sip', body: {} } }],
    ['call_initiation_failure', 'callFailures', { failure_reason: 'busy', metadata: { type: 'twilio', body: {} } }],
  ])('of the type %s belongs to %s, in any order and in the flat shape, too: %j', (type, area, more) => {
    const audio = 'full_audio' in more ? more.full_audio : '';
    const data = { ...CALL, ...more };
    const form = type === 'post_call_transcription_otel' ? 'otel.json' : 'json';
    const expected = { kind: 'call', area, form, audio, facts: { ...FACTS, type, details: expect.anything() } };
    expect(verdictOf({ type, event_timestamp: AT, data })).toEqual(expected);
    expect(verdictOf({ data, event_timestamp: AT, type })).toEqual(expected);
    expect(verdictOf({ type, event_timestamp: AT, ...data })).toEqual(expected);
  });

  it.each([
    ['post_call_audio', { full_audio: 'QUJD' }],
    ['post_call_audio', { full_audio: 'QUJD', transcript: [] }],
    ['call_initiation_failure', { failure_reason: 'busy' }],
    ['post_call_transcription', { transcript: [] }],
    ['post_call_transcription', { analysis: null }],
    ['post_call_transcription_otel', { otlp_traces: {} }],
    ['post_call_transcription_otel', { otlp_traces: {}, transcript: [], analysis: null }],
  ])('without a type is known as %s by %j, and marked as inferred', (type, more) => {
    const facts = { isInferred: true, type, agentId: 'agent_1', conversationId: 'conv-1' };
    for (const event of [
      { data: { ...CALL, ...more } },
      { type: null, data: { ...CALL, ...more } },
      { ...CALL, ...more },
    ]) {
      expect(verdictOf(event)).toMatchObject({ kind: 'call', facts });
    }
  });

  it('may hold anything else, text of any script included', () => {
    const data = { ...CALL, transcript: [{ role: 'agent', message: 'Grüße ☎' }], new_member: { x: [1] } };
    expect(verdictOf({ type: 'post_call_transcription', data, more: true })).toMatchObject({ kind: 'call' });
  });

  it.each([
    ['null', null],
    ['an empty object', {}],
    ['an object of which nothing is read', { more: 1 }],
    ['an array', []],
    ['a text', 'x'],
  ])('has its members beside type when its data is %s', (_name, data) => {
    const event = { type: 'post_call_transcription', event_timestamp: AT, data };
    expect(verdictOf({ ...event, ...CALL })).toMatchObject({ kind: 'call', facts: FACTS });
    expect(verdictOf(event)).toMatchObject({ reason: 'unusable_ids' });
    const audio = { ...CALL, full_audio: 'QUJD' };
    expect(verdictOf({ data, ...audio })).toMatchObject({ kind: 'call', area: 'audio', audio: 'QUJD' });
  });

  it('has them in data, and nowhere else, when that says anything that is read', () => {
    const event = { type: 'post_call_transcription', ...CALL, data: { transcript: [] } };
    expect(verdictOf(event)).toMatchObject({ reason: 'unusable_ids' });
    const { agent_id, conversation_id } = CALL;
    const two = { type: 'post_call_transcription', agent_id: 'other', data: { agent_id, conversation_id } };
    expect(verdictOf(two)).toMatchObject({ kind: 'call', facts: { agentId: 'agent_1' } });
  });

  it.each([1, 256])('may have ids of %i characters', (length) => {
    const data = { agent_id: 'a'.repeat(length), conversation_id: '_'.repeat(length) };
    expect(verdictOf({ type: 'post_call_transcription', data })).toMatchObject({ kind: 'call' });
  });
});

describe('an event of another product', () => {
  it.each([
    'voice_removal_notice',
    'voice_removal_notice_withdrawn',
    'voice_removed',
    'speech_to_text_transcription',
    'flows_generation',
    'flows_template_run',
  ])('of the type %s is known, and needs no ids', (type) => {
    expect(verdictOf({ type, event_timestamp: AT, data: { x: 1 } })).toEqual({
      kind: 'other',
      facts: { type, isInferred: false, timestampSeconds: AT },
    });
    expect(verdictOf({ type })).toEqual({ kind: 'other', facts: { type, isInferred: false } });
  });
});

it('text of any script may stand in strings and keys', () => {
  const text = 'Zürich, Łódź, Москва, 東京, 🎧, \u0000, \u00a0, \u2028, \ufeff';
  const event = { [text]: text, type: 'post_call_transcription', data: { [text]: [text], ...CALL } };
  expect(verdictOf(event)).toMatchObject({ kind: 'call', facts: { agentId: 'agent_1', conversationId: 'conv-1' } });
});

describe('an event of a type that is not known', () => {
  it.each(['post_call_video', 'POST_CALL_AUDIO', 'constructor', '0', 'a-b_c', 'x'.repeat(64)])(
    'can name a folder as %s',
    (type) => {
      const ids = { agentId: 'agent_1', conversationId: 'conv-1' };
      const facts = { isInferred: false, isUnknownType: true, type, timestampSeconds: AT, ...ids };
      expect(verdictOf({ type, event_timestamp: AT, data: { ...CALL, transcript: [] } })).toEqual({
        kind: 'unknown',
        facts,
      });
    },
  );
});

it.each([{}, { data: {} }, { data: { full_audio: 'QUJD' } }, { event_timestamp: AT, more: 1 }])(
  'a webhook_check is one, whatever it holds: %j',
  (more) => {
    expect(verdictOf({ type: 'webhook_check', ...more })).toMatchObject({ kind: 'check' });
  },
);

describe('a delivery for the pre-call endpoint is recognised', () => {
  it.each([
    ['by its type', { type: 'pre_call', ...CALL }],
    ['by its sample', { ...CALL, voice_sample: { format: 'base64', data: 'QUJD' } }],
    ['by a sample that is nothing', { ...CALL, voice_sample: null }],
    ['in the name of another event', { type: 'post_call_transcription', data: CALL, voice_sample: 'QUJD' }],
  ])('%s', (_name, event) => {
    const json = Buffer.from(JSON.stringify(event));
    expect(verdictOn(json)).toMatchObject({ kind: 'pre-call' });
    expect(verdictOn(json.subarray(0, -1))).toMatchObject({ kind: 'pre-call' });
    expect(verdictOn(Buffer.concat([json, Buffer.from([0xff])]))).toMatchObject({ kind: 'pre-call' });
    expect(verdictOn(Buffer.from(`\uFEFF${json}`))).toMatchObject({ kind: 'pre-call' });
  });

  it.each([
    ['text before the JSON', 'hello {"type":"pre_call"}'],
    ['damaged JSON with a form in its text', '{"a":"\n--x\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n'],
  ])('not by %s, which is kept', (_name, body) => {
    expect(verdictOn(Buffer.from(body))).toMatchObject({ kind: 'unusable', reason: 'not_json' });
  });

  it.each([
    ['a sample inside of data', { type: 'post_call_transcription', data: { ...CALL, voice_sample: 'x' } }],
    ['a type inside of data', { type: 'post_call_transcription', data: { ...CALL, type: 'pre_call' } }],
    ['a text that speaks of it', { type: 'post_call_transcription', data: CALL, x: '"voice_sample":1' }],
  ])('not by %s', (_name, event) => {
    expect(verdictOf(event)).toMatchObject({ kind: 'call' });
  });
});

describe('a body is ambiguous', () => {
  const call = '"agent_id":"agent_1","conversation_id":"conv-1"';
  it.each([
    ['two types', `{"type":"x","type":"post_call_transcription","data":{${call}}}`],
    ['two types, one spelled with an escape', `{"type":"x","\\u0074ype":"post_call_transcription","data":{${call}}}`],
    [
      'two types that are the same',
      `{"type":"post_call_transcription","type":"post_call_transcription","data":{${call}}}`,
    ],
    ['two data', `{"type":"post_call_transcription","data":{${call}},"data":{}}`],
    ['two data, one of them null', `{"type":"post_call_transcription","data":null,"data":{${call}}}`],
    ['two agents', `{"type":"post_call_transcription","data":{${call},"agent_id":"agent_2"}}`],
    ['two conversations', `{"type":"post_call_transcription","data":{${call},"conversation\\u005fid":"c"}}`],
    ['two agents beside type', `{"type":"post_call_transcription",${call},"agent_id":"agent_2"}`],
    ['two timestamps', `{"type":"post_call_transcription","event_timestamp":1,"event_timestamp":2,"data":{${call}}}`],
    ['two recordings', `{"type":"post_call_audio","data":{${call},"full_audio":"QUJD","full_audio":""}}`],
    [
      'a recording in data and one beside it',
      `{"type":"post_call_audio","full_audio":"QUJD","data":{${call},"full_audio":""}}`,
    ],
    ['two checks', '{"type":"webhook_check","type":"webhook_check"}'],
  ])('with %s', (_name, json) => {
    expect(verdictOn(Buffer.from(json))).toMatchObject({ kind: 'unusable', reason: 'ambiguous' });
  });

  it('not with two of what is not read', () => {
    const json = `{"type":"post_call_transcription","x":1,"x":2,"data":{${call},"status":"a","status":"b"}}`;
    expect(verdictOn(Buffer.from(json))).toMatchObject({ kind: 'call' });
  });
});

it('each type is registered once', () => {
  const types = eventTypes.map(({ type }) => type);
  expect(new Set(types).size).toBe(types.length);
});

describe('a body is unusable', () => {
  const bytes = (...parts: (string | readonly number[])[]) =>
    Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));
  const event = JSON.stringify({ type: 'post_call_transcription', data: CALL });

  it.each([
    ['empty', bytes('')],
    ['no JSON', bytes('hello')],
    ['JSON that is cut off', bytes(event.slice(0, -1))],
    ['JSON and more', bytes(event, '}')],
    ['JSON with a byte order mark', bytes([0xef, 0xbb, 0xbf], event)],
    ['JSON in UTF-16', Buffer.from(event, 'utf16le')],
    ['JSON with bytes that are not valid UTF-8', bytes('{"type":"', [0xff], '"}')],
    ['JSON with a character in half', bytes('{"type":"', [0xe2, 0x98], '"}')],
    ['JSON with a surrogate in UTF-8', bytes('{"type":"', [0xed, 0xa0, 0x80], '"}')],
    ['JSON with single quotes', bytes("{'type':'x'}")],
    ['JSON with a no-break space outside of strings', bytes(event, '\u00a0')],
    ['JSON with a line separator outside of strings', bytes('\u2028', event)],
    ['JSON with a letter that is not ASCII outside of strings', bytes('{"type":é}')],
    ['compressed', bytes([0x1f, 0x8b, 0x08, 0x00])],
  ])('as not_json when it is %s', (_name, body) => {
    expect(verdictOn(body)).toMatchObject({ kind: 'unusable', reason: 'not_json', facts: { isInferred: false } });
  });

  it.each(['null', 'true', '1', '"post_call_audio"', '[]', `[${event}]`])('as not_an_event when it is %s', (json) => {
    const expected = { kind: 'unusable', reason: 'not_an_event', facts: { isInferred: false } };
    expect(verdictOn(Buffer.from(json))).toEqual(expected);
  });

  it.each([
    ['of an empty type', { type: '', data: CALL }, {}],
    ['of a type that is not text', { type: 5, data: CALL }, {}],
    ['of a type that could be a path', { type: '../x', data: CALL }, {}],
    ['of the type .', { type: '.', data: CALL }, { type: '.', isUnknownType: true }],
    ['of the type ..', { type: '..', data: CALL }, { type: '..', isUnknownType: true }],
    ['of a type with dots', { type: 'a..b', data: CALL }, { type: 'a..b', isUnknownType: true }],
    ['of a type with a percent sign', { type: '%2e%2e', data: CALL }, {}],
    ['of a type that begins with a hyphen', { type: '-a', data: CALL }, { type: '-a', isUnknownType: true }],
    ['of a type with a line break at its end', { type: 'a\n', data: CALL }, {}],
    ['of a type that is too long for a name', { type: 'x'.repeat(65), data: CALL }, {}],
    ['of no type and an unknown shape', { data: CALL }, {}],
    ['of no type and a shape that is only inherited', JSON.parse('{"data":{"__proto__":{"transcript":[]}}}'), null],
  ])('as unknown_type when it is %s', (_name, event, facts) => {
    const ids = { agentId: 'agent_1', conversationId: 'conv-1' };
    expect(verdictOf(event)).toEqual({
      kind: 'unusable',
      reason: 'unknown_type',
      facts: { isInferred: false, ...(facts === null ? {} : { ...ids, ...facts }) },
    });
  });

  it('as not_json with the ids that can be read all the same', () => {
    expect(verdictOn(Buffer.from(event.slice(0, -1)))).toEqual({
      kind: 'unusable',
      reason: 'not_json',
      facts: { isInferred: false, type: 'post_call_transcription', agentId: 'agent_1', conversationId: 'conv-1' },
    });
  });

  it.each([
    ['missing', undefined],
    ['null', null],
    ['a number', 5],
    ['empty', ''],
    ['a path', '../../etc'],
    ['with a slash', 'a/b'],
    ['with a dot', 'a.b'],
    ['with white space', 'a b'],
    ['with a line break at its end', 'a\n'],
    ['with letters over ASCII', 'agént'],
    ['too long', 'a'.repeat(257)],
    ['an object', {}],
  ])('as unusable_ids when an id is %s, and keeps the other one', (_name, id) => {
    for (const type of ['post_call_transcription', 'call_initiation_failure', 'post_call_audio']) {
      const more = type === 'post_call_audio' ? { full_audio: 'QUJD' } : {};
      expect(verdictOf({ type, event_timestamp: AT, data: { ...CALL, ...more, agent_id: id } })).toEqual({
        kind: 'unusable',
        reason: 'unusable_ids',
        facts: { isInferred: false, type, timestampSeconds: AT, conversationId: 'conv-1' },
      });
      expect(verdictOf({ type, data: { ...CALL, ...more, conversation_id: id } })).toEqual({
        kind: 'unusable',
        reason: 'unusable_ids',
        facts: { isInferred: false, type, agentId: 'agent_1' },
      });
    }
  });

  it.each([
    ['missing', {}],
    ['null', { full_audio: null }],
    ['a number', { full_audio: 5 }],
    ['an array', { full_audio: ['QUJD'] }],
  ])('as no_audio when it is an audio event whose audio is %s', (_name, more) => {
    expect(verdictOf({ type: 'post_call_audio', event_timestamp: AT, data: { ...CALL, ...more } })).toEqual({
      kind: 'unusable',
      reason: 'no_audio',
      facts: { ...FACTS, type: 'post_call_audio' },
    });
  });

  it('as unusable_ids first when it has neither ids nor audio', () => {
    expect(verdictOf({ type: 'post_call_audio', data: {} })).toMatchObject({ reason: 'unusable_ids' });
  });
});

it('100,000 levels of nesting are answered with a verdict', () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const json = `{"type":"post_call_transcription","data":{"x":${deep},"agent_id":"a","conversation_id":"b"}}`;
  expect(['call', 'unusable']).toContain(verdictOn(Buffer.from(json)).kind);
  expect(verdictOn(Buffer.from(deep.slice(0, -1)))).toMatchObject({ reason: 'not_json' });
});

it('members named __proto__ and constructor change nothing', () => {
  const json =
    '{"__proto__":{"type":"post_call_audio"},"constructor":{"prototype":{"polluted":1}},"type":"post_call_transcription",' +
    '"data":{"__proto__":{"agent_id":"x","polluted":1},"conversation_id":"b"}}';
  expect(verdictOn(Buffer.from(json))).toEqual({
    kind: 'unusable',
    reason: 'unusable_ids',
    facts: { isInferred: false, type: 'post_call_transcription', conversationId: 'b' },
  });
  expect('polluted' in {}).toBe(false);
});
