import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { hashOfNumber } from '../../../src/lib/callers/callerKey.ts';
import { normaliseNumber } from '../../../src/lib/callers/number.ts';
import { storedRecord } from '../../../src/lib/callers/record.ts';
import { readCallersFile } from '../../../tools/cli/callers/csv.ts';

const docs = readFileSync(new URL('../../../docs/callers.md', import.meta.url), 'utf8');
const block = (language: string) => docs.split(`\`\`\`${language}\n`)[1]?.split('```')[0] ?? '';

const [, key = ''] = /With the key `([0-9a-f]{64})`/.exec(docs) ?? [];
const vectors = [...docs.matchAll(/^\| `(.+)` \| `(.+)` \| `([0-9a-f]{64})` \|$/gm)].map(([, ...cells]) => cells);

it.each(vectors)('%s is %s, and its entry has the documented name', (given, number, hash) => {
  expect(normaliseNumber(given)).toBe(number);
  expect(hashOfNumber(Buffer.from(key, 'hex'), number ?? '')).toBe(hash);
});

it('the documented vectors are found', () => {
  expect(vectors).toHaveLength(6);
});

it('the documented entry is one', () => {
  const entry = JSON.parse(block('json'));
  expect(storedRecord.parse(entry)).toEqual(entry);
});

it('the documented file can be imported', () => {
  const { rows, problems } = readCallersFile(Buffer.from(block('csv')), {
    normalise: (number) => normaliseNumber(number),
  });
  expect(problems).toEqual([]);
  expect(rows).toHaveLength(2);
});
