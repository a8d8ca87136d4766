import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseOutline } from '../../src/lib/json/outline.ts';
import { holds } from './holds.ts';
import { mutated } from './mutations.ts';

/** What an outline is, said the slow way; undefined for what is no JSON. */
function expected(bytes: Buffer): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    JSON.parse(text);
    return cutAt(2, JSON.parse(bytes.toString('latin1')));
  } catch {
    return undefined;
  }
}

function cutAt(levels: number, value: unknown): unknown {
  if (Array.isArray(value)) return levels === 0 ? [] : value.map((item) => cutAt(levels - 1, item));
  if (typeof value !== 'object' || value === null) return value;
  if (levels === 0) return {};
  const members = Object.entries(value).map(([key, member]) => [key, cutAt(levels - 1, member)] as const);
  return Object.fromEntries(members);
}

const json = fc
  .tuple(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom('', ' ', '\t'))
  .map(([value, space]) => Buffer.from(JSON.stringify(value, null, space)));

it('the outline of any JSON is what JSON.parse makes of it, two levels deep', async () => {
  await holds(
    fc.property(json, (bytes) => {
      expect(parseOutline(bytes)).toEqual(expected(bytes));
    }),
    2000,
  );
});

it('a payload changed in any way is JSON for the outline exactly when it is for JSON.parse', async () => {
  const payload = readFileSync(new URL('../../examples/post_call_transcription.json', import.meta.url));
  await holds(
    fc.property(mutated([payload, Buffer.from(JSON.stringify(JSON.parse(payload.toString())))]), (bytes) => {
      expect(parseOutline(bytes)).toEqual(expected(bytes));
    }),
    1000,
  );
});

it('so are letters that mean something to JSON, in any order', async () => {
  const letters = fc
    .array(fc.constantFrom(...'{}[],:"\\u0019e+-. \ntruefalsn'), { maxLength: 12 })
    .map((each) => each.join(''));
  await holds(
    fc.property(letters, (text) => {
      for (const bytes of [text, `[[[${text}]]]`, `{"a":{"b":{"c":${text}}}}`].map((each) => Buffer.from(each))) {
        expect(parseOutline(bytes)).toEqual(expected(bytes));
      }
    }),
    5000,
  );
});
