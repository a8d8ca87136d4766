import fc from 'fast-check';
import { it } from 'vitest';
import { eventTypes } from '../../src/lib/postCall/events.ts';
import { holds } from './holds.ts';
import { expectVerdict } from './verdict.ts';

/** Ids and types that would like to be somewhere else. */
const hostile = fc.oneof(
  fc.constantFrom(
    '..',
    '.',
    '',
    '/',
    '../..',
    'a/b',
    'a\\b',
    '%2e%2e',
    '%2F',
    'a\0',
    'a\n',
    ' a',
    '．．',
    'a:b',
    '?x',
    '#x',
  ),
  fc.constantFrom('agent_1', '-', '_', 'conv-1', 'constructor', '__proto__'),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: fc.constantFrom(...'abc_-./\\%2eEfF?#\0 \n'), maxLength: 12 }),
  fc.constant('a'.repeat(300)),
  fc.jsonValue({ maxDepth: 1 }),
);
const time = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom('1739537297', '2025-02-14T12:48:17Z', '+275760-09-13', '0000-00-00', '9999-99-99T99:99:99Z', null),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const type = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...eventTypes.map((each) => each.type), undefined) },
  hostile,
);
const data = fc.record(
  {
    agent_id: hostile,
    conversation_id: hostile,
    full_audio: fc.oneof(fc.base64String({ maxLength: 8 }), hostile),
    transcript: fc.jsonValue({ maxDepth: 1 }),
    failure_reason: hostile,
  },
  { requiredKeys: [] },
);
const event = fc
  .record(
    { type, event_timestamp: time, data: fc.oneof({ weight: 4, arbitrary: data }, fc.jsonValue()) },
    { requiredKeys: [] },
  )
  .chain((nested) => fc.constantFrom(nested, { ...nested, ...(nested.data as object), data: undefined }));

it('names never leave their folder, whatever an event says', async () => {
  const property = fc.property(event, (value) => expectVerdict(Buffer.from(JSON.stringify(value))));
  await holds(property, 5000);
});

it('any bytes are given a verdict, and a place in their folder', async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.json().map((text) => new TextEncoder().encode(text)),
  );
  await holds(
    fc.property(bytes, (each) => expectVerdict(Buffer.from(each))),
    2000,
  );
});
