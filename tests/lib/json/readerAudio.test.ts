import { describe, expect, it } from 'vitest';
import { membersOf } from '../../../src/lib/json/members.ts';
import { JsonReader } from '../../../src/lib/json/reader.ts';
import { audioIn } from './audioIn.ts';
import { cutAt, inPiecesOf } from './pieces.ts';

function expectAudio(json: string, expected: readonly string[]): void {
  const body = Buffer.from(json);
  expect(audioIn([body])).toEqual(expected);
  for (let cut = 1; cut < body.length; cut++) expect(audioIn(cutAt(body, cut)), `cut at ${cut}`).toEqual(expected);
  expect(audioIn(inPiecesOf(1, body)), 'byte by byte').toEqual(expected);
}

describe('JsonReader, wherever the body is cut,', () => {
  it.each([
    ['under data', '{"type":"post_call_audio","data":{"agent_id":"a","full_audio":"QUJD"}}', ['QUJD']],
    ['as the first member of data', '{"data":{"full_audio":"QUJD","agent_id":"a"},"type":"t"}', ['QUJD']],
    ['beside type', '{"type":"post_call_audio","full_audio":"QUJD"}', ['QUJD']],
    ['before type', '{"full_audio":"QUJD","type":"post_call_audio"}', ['QUJD']],
    ['beside data', '{"data":{"x":1},"full_audio":"QUJD"}', ['QUJD']],
    ['among white space', ' {\n\t"data" : \r\n{ "full_audio"\n:\t"QUJD" } } ', ['QUJD']],
    ['after nested values', '{"x":{"data":[[{}],{"y":"}"}]},"data":{"z":[1,{"a":{}}],"full_audio":"QUJD"}}', ['QUJD']],
    ['after numbers and literals', '{"data":{"a":-1.5e3,"b":true,"c":null,"full_audio":"QUJD"}}', ['QUJD']],
    ['when it is empty', '{"data":{"full_audio":"","x":"y"}}', ['']],
    ['with escapes in it', '{"data":{"full_audio":"QU\\/\\u002f\\"\\\\"}}', ['QU\\/\\u002f\\"\\\\']],
    ['that does not end', '{"data":{"full_audio":"QUJD\\"', ['QUJD\\"']],
    ['with a key spelled with one escape', '{"data":{"full\\u005faudio":"QUJD"}}', ['QUJD']],
    [
      'with a key spelled with escapes only',
      `{"\\u0064\\u0061\\u0074\\u0061":{"${[...'full_audio'].map((c) => `\\u00${c.charCodeAt(0).toString(16).toUpperCase()}`).join('')}":"QUJD"}}`,
      ['QUJD'],
    ],
    ['twice in data', '{"data":{"full_audio":"QQ==","full_audio":"Qg=="}}', ['QQ==', 'Qg==']],
    ['in two data', '{"data":{"full_audio":"QQ=="},"data":{"full_audio":"Qg=="}}', ['QQ==', 'Qg==']],
    ['once as another type and once as a string', '{"data":{"full_audio":null,"full_audio":"Qg=="}}', ['Qg==']],
    ['after a byte order mark', '\ufeff{"data":{"full_audio":"QUJD"}}', ['QUJD']],
    ['after text of several bytes', '{"note":"☎ é 𝄞","data":{"☎":"é","full_audio":"QUJD"}}', ['QUJD']],
    ['after a very long key', `{"data":{"${'k'.repeat(200)}":"x","full_audio":"QUJD"}}`, ['QUJD']],
    ['after a string with an escaped quote', '{"a":"x\\"y","data":{"full_audio":"QUJD"}}', ['QUJD']],
    ['after an empty key', '{"":1,"data":{"full_audio":"QUJD"}}', ['QUJD']],
    ['after strings with quotes in them', '{"a":"\\"","b\\"":"\\\\","data":{"full_audio":"QUJD"}}', ['QUJD']],
  ])('finds the audio %s', (_name, json, expected) => {
    expectAudio(json, expected);
  });

  it.each([
    ['deeper down', '{"data":{"more":{"full_audio":"QUJD"}}}'],
    ['under data of a deeper level', '{"x":{"data":{"full_audio":"QUJD"}}}'],
    ['under another member', '{"metadata":{"full_audio":"QUJD"}}'],
    ['under full_audio', '{"full_audio":{"full_audio":"QUJD"}}'],
    ['in an array', '{"full_audio":["QUJD"],"data":{"full_audio":["QUJD",{"full_audio":"QUJD"}]}}'],
    ['in an object in an array under data', '{"data":[{"full_audio":"QUJD"}]}'],
    ['in an outermost array', '[{"full_audio":"QUJD"},"full_audio","QUJD"]'],
    ['in an array whose elements look like keys', '{"data":["full_audio","QUJD"]}'],
    ['as the text of a string', '{"data":{"note":"\\"full_audio\\":\\"QUJD"},"t":"{\\"full_audio\\":\\"QUJD\\"}"}'],
    ['as a value', '{"data":"full_audio","x":"QUJD","type":"full_audio"}'],
    ['with a key of another case', '{"data":{"Full_Audio":"QUJD"}}'],
    ['with a longer key', '{"data":{"full_audio_2":"QUJD","xfull_audio":"QUJD"," full_audio":"QUJD"}}'],
    ['with a key that only begins like it, spelled with escapes', `{"full_audio${'\\u005f'.repeat(20)}":"QUJD"}`],
    ['with an invalid escape in its key', '{"full\\x5faudio":"QUJD"}'],
    ['with an escaped backslash in its key', '{"full\\\\u005faudio":"QUJD"}'],
    ['that is a number, a literal or an object', '{"full_audio":1,"data":{"full_audio":true}}'],
    ['behind a value that is its name, without a comma', '{"type":"full_audio" "QUJD"}'],
    ['in an array with colons', '{"data":["full_audio":"QUJD"],"x":["full_audio":"QUJD"]}'],
    ['in an outermost array with colons', '["full_audio":"QUJD"]'],
    ['that is a key of a text without colons', '{"full_audio" "QUJD"}'],
    ['in a lone string', '"full_audio"'],
    ['in no text at all', ''],
    ['after more closing brackets than opening ones', ']]]}{"data":{"x":{"full_audio":"QUJD"}}}'],
  ])('finds no audio %s', (_name, json) => {
    expectAudio(json, []);
  });

  it('goes on behind its first quote where the audio was taken out unread', () => {
    const reader = new JsonReader(membersOf({ full_audio: 'audio', a: 'value' }));
    reader.read(Buffer.from('{"full_audio":"QUJD'));
    expect(reader.at).toBe(reader.audioStart);
    const around = Buffer.from('{"full_audio":"","a":1}');
    reader.read(around);
    expect([reader.inAudio, reader.value, reader.isComplete]).toEqual([false, { full_audio: '', a: 1 }, true]);
  });

  it('goes through 100,000 levels of nesting and finds what follows', () => {
    const deep = `${'[{"a":'.repeat(100_000)}1${'}]'.repeat(100_000)}`;
    const json = `{"x":${deep},"data":{"y":${deep},"full_audio":"QUJD"}}`;
    expect(audioIn([Buffer.from(json)])).toEqual(['QUJD']);
  });
});
