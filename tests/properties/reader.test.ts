import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { membersOf, type Wanted } from '../../src/lib/json/members.ts';
import { readWhole } from '../lib/json/readWhole.ts';
import { holds } from './holds.ts';
import { mutated } from './mutations.ts';

const WANTED: Wanted = {
  type: 'value',
  a: { b: { c: 'value' }, d: 'value', '': 'value' },
  data: { agent_id: 'value', metadata: { phone_call: { direction: 'value' } }, transcript: 'value', analysis: {} },
  '': { '': 'value', a: 'value' },
};
const MEMBERS = membersOf(WANTED);

/** What a reader picks, said the slow way: a lone value has no members. `isJson` alone when it is not JSON. */
function expected(bytes: Buffer) {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    const value: unknown = JSON.parse(bytes.toString('latin1'));
    return { isJson: true, value: typeof value === 'object' && value !== null ? picked(WANTED, value) : undefined };
  } catch {
    return { isJson: false };
  }
}

function picked(wanted: Wanted | string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return [];
  if (typeof wanted === 'string') return {};
  const members = Object.entries(value).filter(([key]) => Object.hasOwn(wanted, key));
  return Object.fromEntries(members.map(([key, member]) => [key, picked(wanted[key] ?? '', member)]));
}

/** The last of several members of a name counts in both. */
function read(bytes: Buffer) {
  const { isJson, value } = readWhole(bytes, MEMBERS);
  return isJson ? { isJson, value } : { isJson };
}

function expectPicked(bytes: Buffer): void {
  expect(read(bytes)).toEqual(expected(bytes));
}

const keys = fc.constantFrom('a', 'b', 'c', 'd', '', 'data', 'metadata', 'phone_call', 'type', '__proto__x', 'é');
const { anyValue } = fc.letrec((tie) => ({
  anyValue: fc.oneof(
    { maxDepth: 5 },
    fc.jsonValue({ maxDepth: 1 }),
    fc.array(tie('anyValue'), { maxLength: 3 }),
    fc.dictionary(keys, tie('anyValue'), { maxKeys: 5 }),
    fc.dictionary(keys, tie('anyValue'), { maxKeys: 5 }),
  ),
}));

const json = fc
  .tuple(anyValue, fc.constantFrom('', ' ', '\t'))
  .map(([value, space]) => Buffer.from(JSON.stringify(value, null, space)));

it('of any JSON the members are picked that JSON.parse makes of it', async () => {
  await holds(
    fc.property(json, (bytes) => {
      expectPicked(bytes);
    }),
    2000,
  );
});

it('a payload changed in any way is JSON for the reader exactly when it is for JSON.parse', async () => {
  const payload = readFileSync(new URL('../../examples/post_call_transcription.json', import.meta.url));
  await holds(
    fc.property(mutated([payload, Buffer.from(JSON.stringify(JSON.parse(payload.toString())))]), (bytes) => {
      expectPicked(bytes);
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
        expectPicked(bytes);
      }
    }),
    5000,
  );
});
