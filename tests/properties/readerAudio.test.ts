import fc from 'fast-check';
import { expect, it } from 'vitest';
import { audioIn } from '../lib/json/audioIn.ts';
import { cutAt } from '../lib/json/pieces.ts';
import { holds } from './holds.ts';

type Value = string | { text: string } | { items: Value[] } | { members: [key: string, value: Value][] };

/** Every way to write a key that matters here, with and without escapes. */
const keys = fc.oneof(
  fc.constantFrom('data', 'full_audio', 'type', 'x', '', 'full_audio\\"', '\\\\'),
  fc.constantFrom('d\\u0061ta', '\\u0066ull_audio', 'full\\u005Faudio', 'full_audi\\u006f'),
);
const strings = fc.constantFrom('QUJD', '', '\\"', '\\\\', '"full_audio":"', '{', '}]', ',', ':').map((text) => {
  return text.replaceAll(/(?<!\\)"/g, '\\"');
});
const { value } = fc.letrec<{ value: Value; object: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    strings,
    fc.constantFrom('1', 'true', 'null', '-2.5e7').map((text) => ({ text })),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => ({ items })),
    tie('object'),
    tie('object'),
  ),
  object: fc.array(fc.tuple(keys, tie('value')), { maxLength: 4 }).map((members) => ({ members })),
}));

/** Writes the value as JSON and notes the strings at the two paths on which audio can stand. */
function written(node: Value, space: string, path: readonly string[], audio: string[]): string {
  if (typeof node === 'string') {
    if (['full_audio', 'data.full_audio'].includes(path.join('.'))) audio.push(node);
    return `"${node}"`;
  }
  if ('text' in node) return node.text;
  if ('items' in node) {
    return `[${node.items.map((item) => written(item, space, [...path, '[]'], audio)).join(`${space},${space}`)}]`;
  }
  const members = node.members.map(
    ([key, member]) =>
      `"${key}"${space}:${space}${written(member, space, [...path, JSON.parse(`"${key}"`) as string], audio)}`,
  );
  return `{${space}${members.join(`,${space}`)}}`;
}

it('JsonReader finds in any JSON exactly the strings at full_audio and data.full_audio', async () => {
  const property = fc.property(
    value,
    fc.constantFrom('', ' ', '\n\t'),
    fc.array(fc.nat(200), { maxLength: 8 }),
    (node, space, places) => {
      const audio: string[] = [];
      const json = written(node, space, [], audio);
      JSON.parse(json);
      expect(audioIn(cutAt(Buffer.from(json), ...places))).toEqual(audio);
    },
  );
  await holds(property, 3000);
});
