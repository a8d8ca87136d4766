import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { membersOf, type Wanted } from '../../../src/lib/json/members.ts';
import { JsonReader } from '../../../src/lib/json/reader.ts';
import { inPiecesOf } from './pieces.ts';
import { readWhole } from './readWhole.ts';

const WANTED: Wanted = {
  a: 'value',
  type: 'value',
  data: { b: 'value', agent_id: 'value', deep: { c: { d: 'value' } } },
};

/** What is picked of the text; the same when it grows byte by byte. */
function pickedOf(text: string, wanted: Wanted = WANTED): unknown {
  const json = Buffer.from(text);
  const facts = readWhole(json, membersOf(wanted));
  const reader = new JsonReader(membersOf(wanted));
  for (let length = 1; length <= json.length; length++) reader.read(json.subarray(0, length));
  const { isComplete, isAmbiguous, value } = reader;
  expect({ isComplete, isAmbiguous, value }).toEqual({
    isComplete: facts.isJson,
    isAmbiguous: facts.isAmbiguous,
    value: facts.value,
  });
  return facts.isJson ? facts.value : 'not JSON';
}

const isAmbiguous = (text: string) => readWhole(Buffer.from(text), membersOf(WANTED)).isAmbiguous;

describe('a reader picks', () => {
  it.each<[string, string, unknown]>([
    [
      'values of every kind',
      '{"type":"x","a":-1.5e3,"data":{"b":null,"agent_id":true}}',
      { type: 'x', a: -1500, data: { b: null, agent_id: true } },
    ],
    ['nothing that was not asked for', '{"x":1,"b":2,"data":{"a":3,"type":4},"c":{"d":5}}', { data: {} }],
    [
      'at any depth, and nothing of another path',
      '{"data":{"deep":{"c":{"d":1,"e":2},"d":3},"c":{"d":4}},"deep":{"c":{"d":5}}}',
      { data: { deep: { c: { d: 1 } } } },
    ],
    ['a container as an empty one where a value was asked for', '{"a":{"b":[1]},"type":["x"]}', { a: {}, type: [] }],
    ['a value where members were asked for', '{"data":5}', { data: 5 }],
    ['an array where members were asked for', '{"data":[{"b":1}]}', { data: [] }],
    ['among white space', ' \n{\t"a" :\r\n 1 , "data" : { "b" : "x" } } ', { a: 1, data: { b: 'x' } }],
    [
      'keys and values spelled with escapes',
      '{"\\u0074ype":"\\u0078\\n","d\\u0061ta":{"b":"\\""}}',
      { type: 'x\n', data: { b: '"' } },
    ],
    ['text that looks like structure', '{"a":"}],:{[\\",","type":"\\\\"}', { a: '}],:{[",', type: '\\' }],
    ['after containers that were not asked for', '{"x":[{"a":1},[2]],"y":{"a":3},"a":4}', { a: 4 }],
    ['the first member and the last', '{"a":1,"x":2,"type":3}', { a: 1, type: 3 }],
    ['nothing of an empty object', '{}', {}],
    ['nothing of objects in a root array', '[{"a":1},"a",2]', []],
    ['nothing of a lone value', ' "a" ', undefined],
    ['nothing of a lone number', '12', undefined],
    ['garbled what is not ASCII', '{"a":"é","é":1}', { a: 'Ã©' }],
    [
      "keys that every object has only when they are the text's own",
      '{"a":{"constructor":1},"__proto__":{"a":2},"constructor":3}',
      { a: {} },
    ],
  ])('%s', (_name, text, expected) => {
    expect(pickedOf(text)).toEqual(expected);
  });

  it('keys of that name, even __proto__, as members like others', () => {
    const wanted: Wanted = Object.fromEntries([['constructor', 'value']]);
    const picked = pickedOf('{"__proto__":{"x":1},"constructor":2}', wanted);
    expect(picked).toEqual({ constructor: 2 });
    expect(Object.getPrototypeOf(picked)).toBe(Object.prototype);
  });

  it('the audio like any value when nobody takes it out', () => {
    expect(pickedOf('{"full_audio":"QUJD"}', { full_audio: 'audio' })).toEqual({ full_audio: 'QUJD' });
    expect(pickedOf('{"full_audio":["QUJD"],"a":1}', { full_audio: 'audio', a: 'value' })).toEqual({
      full_audio: [],
      a: 1,
    });
    expect(pickedOf('{"full_audio":null}', { full_audio: 'audio' })).toEqual({ full_audio: null });
  });
});

describe('a text is ambiguous', () => {
  it.each([
    ['with a value twice', '{"a":1,"a":1}'],
    ['with a value twice, once spelled with an escape', '{"a":1,"\\u0061":2}'],
    ['with an object twice', '{"data":{"b":1},"data":{}}'],
    ['with an object and another value', '{"data":null,"data":{"b":1}}'],
    ['with a value and an array', '{"a":[],"a":1}'],
    ['with a member of a member twice', '{"data":{"b":1,"x":2,"b":3}}'],
    ['with a member far inside twice', '{"data":{"deep":{"c":{"d":1,"d":1}}}}'],
    ['with members far inside of two objects', '{"data":{"deep":{"c":{}},"deep":{}}}'],
  ])('%s', (_name, text) => {
    pickedOf(text);
    expect(isAmbiguous(text)).toBe(true);
  });

  it.each([
    ['what was not asked for', '{"x":1,"x":2,"data":{"a":1,"a":2}}'],
    ['what is deeper', '{"a":{"a":1,"a":2},"data":{"deep":{"a":1,"a":1}}}'],
    ['one name in two objects', '{"a":1,"data":{"a":2},"x":{"a":3}}'],
  ])('not with %s', (_name, text) => {
    pickedOf(text);
    expect(isAmbiguous(text)).toBe(false);
  });
});

describe('behind a fault a reader goes on at the next structural character:', () => {
  it.each<[string, string, unknown]>([
    ['a byte order mark', '\ufeff{"a":1}', { a: 1 }],
    ['NaN', '{"data":{"x":NaN,"agent_id":"y"},"a":1}', { data: { agent_id: 'y' }, a: 1 }],
    ['NaN as a value that is asked for', '{"a":NaN,"type":"y"}', { a: undefined, type: 'y' }],
    ['two commas', '{"a":1,,"type":2}', { a: 1, type: 2 }],
    ['a comma at the end', '{"data":{"b":1,},"a":2,}', { data: { b: 1 }, a: 2 }],
    ['a key without quotes', '{x:1,"a":2}', { a: 2 }],
    ['a key without a value', '{"a","type":2}', { a: undefined, type: 2 }],
    ['a key without a value at the end', '{"data":{"b"},"a":1}', { data: { b: undefined }, a: 1 }],
    ['a missing colon', '{"data" {"b":1},"a" 2}', { data: { b: 1 }, a: 2 }],
    ['a missing colon before an array', '{"x" [1],"a":2}', { a: 2 }],
    ['a key without quotes before a text', '{x "],}","a":1}', { a: 1 }],
    ['a missing comma, up to the next one', '{"a":1 "x","data":{"b":1}}', { a: undefined, data: { b: 1 } }],
    ['a line break in a string', '{"x":"\n","a":1}', { a: 1 }],
    ['a line break in a string that is asked for', '{"a":"\n","type":1}', { a: undefined, type: 1 }],
    ['a line break in a key', '{"a\n":1,"type":2}', { type: 2 }],
    ['an invalid escape', '{"x":"\\x","y":"\\u12","a":1}', { a: 1 }],
    ['an invalid escape in a key', '{"\\x":1,"a\\u1":2,"a":3}', { a: 3 }],
    ['a bracket of the other kind', '{"data":{"x":[1},"b":2},"a":1}', { data: { b: 2 }, a: 1 }],
    ['brackets that close nothing', ']},{"a":1}', { a: 1 }],
    ['another text', '{"a":1} {"a":2,"type":3}', { a: 1 }],
    ['the end of the text', '{"a":1,"data":{"b":2', { a: 1, data: {} }],
  ])('%s', (_name, text, expected) => {
    expect(pickedOf(text)).toBe('not JSON');
    expect(readWhole(Buffer.from(text), membersOf(WANTED)).value).toEqual(expected);
  });

  it('the audio is still found, and a value is not taken for it', () => {
    const value = new JsonReader(membersOf({ a: 'value', full_audio: 'audio' }));
    value.read(Buffer.from('{"a":"QUJD'));
    expect(value.inAudio).toBe(false);
    const text = Buffer.from('{"data":{"score":NaN,"full_audio":"QUJD');
    const reader = new JsonReader(membersOf({ data: { full_audio: 'audio' } }));
    reader.read(text);
    expect(reader.inAudio).toBe(true);
    expect(text.subarray(reader.audioStart).toString()).toBe('QUJD');
  });
});

it('a reader takes texts as deep as they may be nested, and says where they end', () => {
  const depth = 200_000;
  expect(readWhole(Buffer.from(`${'{"a":['.repeat(depth)}${']}'.repeat(depth)}`), membersOf(WANTED))).toMatchObject({
    isJson: true,
    value: { a: [] },
  });
  expect(readWhole(Buffer.from(`${'['.repeat(depth)}${']'.repeat(depth - 1)}`), membersOf(WANTED)).isJson).toBe(false);
});

it('a long text is read in pieces as it is in one', () => {
  const json = readFileSync(new URL('../../../examples/post_call_transcription.json', import.meta.url));
  const members = membersOf({
    type: 'value',
    data: { agent_id: 'value', metadata: { phone_call: { direction: 'value' } } },
  });
  const reader = new JsonReader(members);
  let length = 0;
  for (const piece of inPiecesOf(7, json)) {
    length += piece.length;
    reader.read(json.subarray(0, length));
  }
  expect(reader.isComplete).toBe(true);
  expect(reader.value).toEqual(readWhole(json, members).value);
  expect(reader.value).toMatchObject({ data: { metadata: { phone_call: { direction: 'inbound' } } } });
});

const isJson = (text: string | Buffer) => readWhole(Buffer.from(text), membersOf(WANTED)).isJson;
/** As a part of a text that stands where nothing is asked for. */
const deep = (text: string) => `{"data":{"x":[${text}]}}`;

const inText = (text: string) => `"${text}"`;
const good = [
  ...['0', '-0', '1', '-12', '10', '0.0', '1.25', '0e0', '1e5', '1E5', '1e+5', '1e-5', '1.5E-07', '9'],
  ...['true', 'false', 'null'],
  ...[
    '',
    'x',
    'é€😀',
    '\u007f',
    ' ',
    '}',
    '],',
    '\\"',
    '\\\\',
    '\\/',
    '\\b\\f\\n\\r\\t',
    '\\u0041',
    '\\uaFdF9',
    'a\\\\',
  ].map(inText),
  ...['[]', '{}', '[ ]', '{\t}', '[1]', '[1,2]', '[[],[]]', '[ 1 , 2 ]', '{"a":1}', '{"":{}}', '{"a":1,"b":[2]}'],
  ...[
    '{ "a" : 1 , "b" : 2 }',
    '{"\\u0061\\"":1}',
    '[{"a":[{}]}]',
    '\n1\r\n',
    '1 , "a"',
    '[0,1.5,1e5,1]',
    '{"a":0,"b":1.5}',
  ],
];
const bad = [
  ...[
    '',
    '+1',
    '01',
    '-',
    '-a',
    '1.',
    '.5',
    '1.e5',
    '1e',
    '1e+',
    '1ee5',
    '1.5.5',
    '0x1',
    '1a',
    '--1',
    '1e5.5',
    '1+',
    '-01',
  ],
  ...['tru', 'truee', 'True', 'nul', 'nulll', 'fals', 'falsy', 'NaN', 'undefined', 'trueé', 't', 'ture'],
  ...[
    '\\',
    '\\x',
    '\\u',
    '\\u1',
    '\\u12',
    '\\u123',
    '\\u123g',
    '\\ug123',
    '\\u1g23',
    '\\u12g3',
    '\\U0041',
    '\n',
    '\t',
    '\0',
  ].map(inText),
  ...['"', '"a', 'a"', "'a'", '"a" "b"', '"a"b', '\u001f"a"'],
  ...['[', '[1', '[1,', '[,', '[,1]', '[1,,2]', '[1 2]', '[1}', '[:]', '["a":1]', '[]]', '[1]2'],
  ...['{', '{"a"', '{"a":', '{"a":1', '{"a":1,', '{,}', '{"a":1,}', '{"a"}', '{"a",1}', '{a:1}', '{1:1}', '{"a":1]'],
  ...[
    '{"a"::1}',
    '{:1}',
    '{"a":}',
    '{"a":1 "b":2}',
    '{"a":1,,"b":2}',
    '{"a":1:2}',
    '{"a" 1}',
    '{"\\x":1}',
    '{"\\u00g0":1}',
  ],
  ...['{"\n":1}', '1,', ',1', '//', '/**/1', '\u00a01', '\ufeff1', '\v1', '[\f]', '{"a":\v1}', '}', ']}'],
];

const all = [...good.map((text) => [text, true] as const), ...bad.map((text) => [text, false] as const)];

describe('the grammar is checked as strictly as by JSON.parse:', () => {
  it.each(all)('%j, alone or wherever it stands: %s', (text) => {
    for (const around of [
      text,
      deep(text),
      `{"a":${text}}`,
      `{"data":${text}}`,
      `{"data":{"b":1,"agent_id":${text}},"x":2}`,
      `{"full_audio":${text}}`,
      `{"data":{"full_audio":${text},"b":1}}`,
    ]) {
      let isRight = true;
      try {
        JSON.parse(around);
      } catch {
        isRight = false;
      }
      expect(isJson(around), around).toBe(isRight);
      const { isJson: withAudio } = readWhole(
        Buffer.from(around),
        membersOf({ full_audio: 'audio', data: { full_audio: 'audio' } }),
      );
      expect(withAudio, around).toBe(isRight);
    }
  });
});

describe('not JSON is', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a text with a byte order mark', Buffer.from('\ufeff{}')],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['bytes that are not UTF-8, deep inside', Buffer.from(deep('"é"').replace('é', '\xe9'), 'latin1')],
    ['UTF-16', Buffer.from('{}', 'utf16le')],
    ['two texts', Buffer.from('{} {}')],
  ])('%s', (_name, bytes) => {
    expect(isJson(bytes)).toBe(false);
  });

  it('any beginning of a text', () => {
    const bytes = Buffer.from('{"data":{"deep":[1.5e+5,{"a\\u0041":[true,false,null,"é",-0]}],"b":2},"c":[{"d":"e"}]}');
    for (let length = 0; length < bytes.length; length++) expect(isJson(bytes.subarray(0, length))).toBe(false);
    expect(isJson(bytes)).toBe(true);
  });
});
