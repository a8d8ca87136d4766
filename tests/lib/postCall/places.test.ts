import { describe, expect, it } from 'vitest';
import {
  type BodyPart,
  placeInQuarantine,
  placeOfCall,
  placeOfOtherEvent,
  sha256Of,
} from '../../../src/lib/postCall/places.ts';

const AT = 1_739_537_297; // 2025-02-14T12:48:17Z
const facts = { type: 'post_call_audio', isInferred: false, agentId: 'agent_1', conversationId: 'conv-1' };
const WHOLE = { container: 'calls', prefix: '' };
const FOLDER = { container: 'calls', prefix: 'eu/2/' };

describe('the place of a call', () => {
  it.each([
    [WHOLE, 'json', 'agent_1/conv-1', 'application/json'],
    [FOLDER, 'json', 'eu/2/agent_1/conv-1', 'application/json'],
    [FOLDER, 'otel.json', 'eu/2/agent_1/conv-1', 'application/json'],
    [WHOLE, 'mp3', 'agent_1/conv-1', 'audio/mpeg'],
    [FOLDER, 'mp3', 'eu/2/agent_1/conv-1', 'audio/mpeg'],
  ] as const)('under %j as %s is %s', (path, form, stem, contentType) => {
    expect(placeOfCall(path, facts, form)).toEqual({ container: 'calls', stem, extension: form, contentType });
  });
});

describe('the place of another event', () => {
  it.each([
    [WHOLE, 'voice_removed/2025-02-14/abc'],
    [FOLDER, 'eu/2/voice_removed/2025-02-14/abc'],
  ])('under %j is by type, date and hash', (path, stem) => {
    expect(placeOfOtherEvent(path, { type: 'voice_removed', seconds: AT, hash: 'abc', part: 'body' })).toEqual({
      container: 'calls',
      stem,
      extension: 'json',
      contentType: 'application/json',
    });
  });

  it.each([
    [1_739_491_199, '2025-02-13'],
    [1_739_491_200, '2025-02-14'],
    [1_739_577_599, '2025-02-14'],
    [1_739_577_600, '2025-02-15'],
  ])('is dated in UTC: %i is on %s', (seconds, date) => {
    expect(placeOfOtherEvent(WHOLE, { type: 't', seconds, hash: 'h', part: 'body' }).stem).toBe(`t/${date}/h`);
  });
});

it.each([
  ['around', 'around.json', 'application/json'],
  ['audio', 'mp3', 'audio/mpeg'],
] as const)('another event that was split is kept in its parts: %s as .%s', (part, extension, contentType) => {
  expect(placeOfOtherEvent(FOLDER, { type: 't', seconds: AT, hash: 'abc', part })).toEqual({
    container: 'calls',
    stem: 'eu/2/t/2025-02-14/abc',
    extension,
    contentType,
  });
});

describe('the place in quarantine', () => {
  it.each<[BodyPart, 'not_json' | 'broken_audio', string, string]>([
    ['body', 'broken_audio', 'json', 'application/json'],
    ['body', 'not_json', 'bin', 'application/octet-stream'],
    ['around', 'broken_audio', 'around.json', 'application/json'],
    ['around', 'not_json', 'around.json', 'application/octet-stream'],
    ['audio', 'broken_audio', 'mp3', 'audio/mpeg'],
    ['audio', 'not_json', 'mp3', 'audio/mpeg'],
    ['undecoded', 'broken_audio', 'remainder.bin', 'application/octet-stream'],
  ])('of the %s for %s is by reason, date and hash, with the extension %s', (part, reason, extension, contentType) => {
    expect(placeInQuarantine(FOLDER, { reason, seconds: AT, hash: 'abc', part })).toEqual({
      container: 'calls',
      stem: `eu/2/${reason}/2025-02-14/abc`,
      extension,
      contentType,
    });
  });
});

describe('sha256Of', () => {
  it('is that of all parts one after the other, text as UTF-8', () => {
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'; // FIPS 180-4
    expect(sha256Of('abc')).toBe(abc);
    expect(sha256Of('a', Buffer.from('b'), '', 'c')).toBe(abc);
    expect(sha256Of('é')).toBe(sha256Of(Buffer.from([0xc3, 0xa9])));
  });
});
