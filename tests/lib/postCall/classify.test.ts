import { describe, expect, it } from 'vitest';
import { classify, unixSeconds, type Verdict } from '../../../src/lib/postCall/classify.ts';
import { eventTypes } from '../../../src/lib/postCall/events.ts';

const AT = 1_739_537_297;
const CALL = { agent_id: 'agent_1', conversation_id: 'conv-1' };
const FACTS = { isInferred: false, timestampSeconds: AT, agentId: 'agent_1', conversationId: 'conv-1' };

const verdictOf = (event: unknown): Verdict => classify(Buffer.from(JSON.stringify(event)));

describe('an event of a call', () => {
  it.each([
    ['post_call_transcription', 'transcripts', { transcript: [], analysis: null }],
    ['post_call_transcription', 'transcripts', {}],
    ['post_call_transcription', 'transcripts', { otlp_traces: { resourceSpans: [] } }],
    ['post_call_audio', 'audio', { full_audio: 'QUJD' }],
    ['post_call_audio', 'audio', { full_audio: '' }],
    ['call_initiation_failure', 'callFailures', { failure_reason: 'busy', metadata: { type: 'sip', body: {} } }],
    ['call_initiation_failure', 'callFailures', { failure_reason: 'busy', metadata: { type: 'twilio', body: {} } }],
  ])('of the type %s belongs to %s, in any order and in the flat shape, too: %j', (type, area, more) => {
    const audio = 'full_audio' in more ? more.full_audio : '';
    const data = { ...CALL, ...more };
    const expected = { kind: 'call', area, audio, facts: { ...FACTS, type } };
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
    ['post_call_transcription', { otlp_traces: {} }],
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

  it('takes the last of several members of one name, as JSON.parse does', () => {
    const json =
      '{"type":"x","type":"post_call_transcription","data":{"agent_id":"a","conversation_id":"b","agent_id":"c"}}';
    expect(classify(Buffer.from(json))).toMatchObject({ kind: 'call', facts: { agentId: 'c', conversationId: 'b' } });
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
    ['JSON with bytes that are no UTF-8', bytes('{"type":"', [0xff], '"}')],
    ['JSON with a character in half', bytes('{"type":"', [0xe2, 0x98], '"}')],
    ['JSON with a surrogate in UTF-8', bytes('{"type":"', [0xed, 0xa0, 0x80], '"}')],
    ['JSON with single quotes', bytes("{'type':'x'}")],
    ['JSON with a no-break space outside of strings', bytes(event, '\u00a0')],
    ['JSON with a line separator outside of strings', bytes('\u2028', event)],
    ['JSON with a letter that is no ASCII outside of strings', bytes('{"type":é}')],
    ['compressed', bytes([0x1f, 0x8b, 0x08, 0x00])],
  ])('as not_json when it is %s', (_name, body) => {
    expect(classify(body)).toEqual({ kind: 'unusable', reason: 'not_json', facts: { isInferred: false } });
  });

  it.each(['null', 'true', '1', '"post_call_audio"', '[]', `[${event}]`])('as not_an_event when it is %s', (json) => {
    const expected = { kind: 'unusable', reason: 'not_an_event', facts: { isInferred: false } };
    expect(classify(Buffer.from(json))).toEqual(expected);
  });

  it.each([
    ['of a type nobody knows', { type: 'post_call_video', data: CALL }, { type: 'post_call_video' }],
    ['of a type in another case', { type: 'POST_CALL_AUDIO', data: CALL }, { type: 'POST_CALL_AUDIO' }],
    ['of an empty type', { type: '', data: CALL }, {}],
    ['of a type that is no text', { type: 5, data: CALL }, {}],
    ['of a type that could be a path', { type: '../x', data: CALL }, {}],
    ['of a type that is too long for a name', { type: 'x'.repeat(65), data: CALL }, {}],
    ['of a type that every object has', { type: 'constructor', data: CALL }, { type: 'constructor' }],
    ['of an unknown type and a known shape', { type: 'new', data: { ...CALL, transcript: [] } }, { type: 'new' }],
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

  it.each([
    ['an array', []],
    ['null', null],
    ['a text', 'x'],
  ])('by the members beside type when its data is %s', (_name, data) => {
    expect(verdictOf({ type: 'post_call_transcription', data })).toMatchObject({ reason: 'unusable_ids' });
    expect(verdictOf({ type: 'post_call_transcription', data, ...CALL })).toMatchObject({ kind: 'call' });
  });
});

it('100,000 levels of nesting are answered with a verdict', () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const json = `{"type":"post_call_transcription","data":{"x":${deep},"agent_id":"a","conversation_id":"b"}}`;
  expect(['call', 'unusable']).toContain(classify(Buffer.from(json)).kind);
  expect(classify(Buffer.from(deep.slice(0, -1)))).toMatchObject({ reason: 'not_json' });
});

it('members named __proto__ and constructor change nothing', () => {
  const json =
    '{"__proto__":{"type":"post_call_audio"},"constructor":{"prototype":{"polluted":1}},"type":"post_call_transcription",' +
    '"data":{"__proto__":{"agent_id":"x","polluted":1},"conversation_id":"b"}}';
  expect(classify(Buffer.from(json))).toEqual({
    kind: 'unusable',
    reason: 'unusable_ids',
    facts: { isInferred: false, type: 'post_call_transcription', conversationId: 'b' },
  });
  expect('polluted' in {}).toBe(false);
});

describe('unixSeconds', () => {
  it.each([
    [1_739_537_297, 1_739_537_297],
    [1_739_537_297.9, 1_739_537_297],
    ['1739537297', 1_739_537_297],
    ['2025-02-14T12:48:17Z', 1_739_537_297],
    ['2025-02-14T12:48:17.999Z', 1_739_537_297],
    ['2025-02-14T13:48:17+01:00', 1_739_537_297],
    ['2025-02-14', 1_739_491_200],
    [946_684_800, 946_684_800],
    [4_102_444_799, 4_102_444_799],
  ])('reads %j', (value, seconds) => {
    expect(unixSeconds(value)).toBe(seconds);
  });

  it.each([
    undefined,
    null,
    true,
    '',
    'yesterday',
    '1739537297.5',
    ' 1739537297',
    '-1739537297',
    '2025-02-30T99:00:00Z',
    'Fri, 14 Feb 2025 12:48:17 GMT',
    1_739_537_297_000,
    '1739537297000',
    0,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    946_684_799,
    4_102_444_800,
    [],
    {},
  ])('makes nothing of %j', (value) => {
    expect(unixSeconds(value)).toBeUndefined();
  });

  it('reads ISO 8601 text without a zone as UTC, whatever the zone of the machine', () => {
    const zone = process.env['TZ'];
    try {
      for (const TZ of ['UTC', 'America/New_York', 'Asia/Tokyo']) {
        process.env['TZ'] = TZ;
        expect(unixSeconds('2025-02-14T12:48:17'), TZ).toBe(AT);
      }
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
  });
});
