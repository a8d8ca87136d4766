import { expect, it } from 'vitest';
import { emptyAudiosIn } from '../../../src/lib/json/emptyAudio.ts';
import { eventMembers } from '../../../src/lib/postCall/events.ts';

it.each([
  ['one', '{"data":{"full_audio":""}}', [23]],
  ['one with white space and an escape in its key', '{"data": {"full\\u005faudio" : "" } }', [31]],
  ['two', '{"full_audio":"","data":{"full_audio":""}}', [15, 39]],
  ['only the empty one of two', '{"full_audio":"AAAA","data":{"full_audio":""}}', [43]],
  ['also behind a fault', '{"a":nul,"full_audio":""}', [23]],
  ['none in a string', '{"a":"\\"full_audio\\":\\"\\""}', []],
  ['none elsewhere', '{"other":{"full_audio":""}}', []],
  ['none without an end', '{"full_audio":"', []],
])('%s is found', (_name, json, expected) => {
  expect(emptyAudiosIn(Buffer.from(json), eventMembers)).toEqual(expected);
});
