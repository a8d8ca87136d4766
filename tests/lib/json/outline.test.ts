import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseOutline } from '../../../src/lib/json/outline.ts';

const outlineOf = (text: string) => parseOutline(Buffer.from(text));
/** As a part of a text that stands too deep to be made, so that nothing but the check of the grammar sees it. */
const deep = (text: string) => `{"data":{"deep":[${text}]}}`;

const examples = new URL('../../../examples/', import.meta.url);
const payloads = readdirSync(examples).filter((name) => name.endsWith('.json'));

describe('an outline', () => {
  it.each<[string, unknown]>([
    ['{"type":"a","data":{"agent_id":"b","n":1.5e3,"yes":true,"no":false,"none":null}}', undefined],
    ['{"a":{"b":{"c":{"d":[1,{"e":2}]}},"f":"g"},"h":3}', { a: { b: {}, f: 'g' }, h: 3 }],
    ['{"a":{"b":[1,[2],{"c":3}],"d":4}}', { a: { b: [], d: 4 } }],
    ['[[[1,2],3],4]', [[[], 3], 4]],
    ['{"a":[{"b":1},{"b":2}]}', { a: [{}, {}] }],
    [' { "a" : { "b" : { "c" : 1 } , "d" : 2 } } ', { a: { b: {}, d: 2 } }],
    ['{"a":{"b":{}},"a":{"c":[]}}', { a: { c: [] } }],
    ['{"\\u0061":{"b":{"x":"}"}}}', { a: { b: {} } }],
    ['{}', undefined],
    ['[]', undefined],
    ['1', undefined],
    ['"text"', undefined],
    [' null ', undefined],
  ])('of %s is the text down to the second level', (text, expected) => {
    expect(outlineOf(text)).toEqual(expected ?? JSON.parse(text));
  });

  it.each(payloads)('of %s has all plain members of the payload and its data', (name) => {
    const bytes = readFileSync(new URL(name, examples));
    const plain = (value: object) =>
      Object.fromEntries(
        Object.entries(value).filter(([, member]) => typeof member !== 'object' && !/[^ -~]/.test(member)),
      );
    const whole = JSON.parse(bytes.toString());
    const outline = parseOutline(bytes) as { data?: object };
    expect(outline).toMatchObject(plain(whole));
    expect(Object.keys(outline)).toEqual(Object.keys(whole));
    expect(outline.data ?? {}).toMatchObject(plain(whole.data ?? {}));
    expect(Object.keys(outline.data ?? {})).toEqual(Object.keys(whole.data ?? {}));
  });

  it('is as deep as the text may be nested', () => {
    const depth = 200_000;
    expect(outlineOf(`${'{"a":['.repeat(depth)}${']}'.repeat(depth)}`)).toEqual({ a: [{}] });
    expect(outlineOf(`${'['.repeat(depth)}${']'.repeat(depth - 1)}`)).toBeUndefined();
  });

  it('has text that is no ASCII garbled', () => {
    expect(outlineOf('{"a":"é"}')).toEqual({ a: 'Ã©' });
  });
});

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

describe('what stands deep is checked as strictly as by JSON.parse:', () => {
  it.each(good)('%j is JSON', (text) => {
    JSON.parse(deep(text));
    expect(outlineOf(deep(text))).toEqual({ data: { deep: [] } });
  });

  it.each(bad.filter((text) => text !== ''))('%j is not', (text) => {
    expect(() => JSON.parse(deep(text))).toThrow();
    expect(outlineOf(deep(text))).toBeUndefined();
  });
});

describe('so is what stands further out:', () => {
  it.each(good.filter((text) => text !== '1 , "a"'))('%j is JSON', (text) => {
    expect(outlineOf(`{"data":${text}}`)).toBeDefined();
    expect(outlineOf(text)).toBeDefined();
  });

  it.each(bad)('%j is not', (text) => {
    expect(outlineOf(`{"data":${text}}`)).toBeUndefined();
    expect(outlineOf(text)).toBeUndefined();
  });
});

describe('no JSON is', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a text with a byte order mark', Buffer.from('\ufeff{}')],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['bytes that are no UTF-8, deep inside', Buffer.from(deep('"é"').replace('é', '\xe9'), 'latin1')],
    ['UTF-16', Buffer.from('{}', 'utf16le')],
    ['two texts', Buffer.from('{} {}')],
  ])('%s', (_name, bytes) => {
    expect(parseOutline(bytes)).toBeUndefined();
  });

  it('any beginning of a text', () => {
    const text = '{"data":{"deep":[1.5e+5,{"a\\u0041":[true,false,null,"é",-0]}],"b":2},"c":[{"d":"e"}]}';
    const bytes = Buffer.from(text);
    for (let length = 0; length < bytes.length; length++)
      expect(parseOutline(bytes.subarray(0, length))).toBeUndefined();
    expect(parseOutline(bytes)).toEqual({ data: { deep: [], b: 2 }, c: [{}] });
  });
});
