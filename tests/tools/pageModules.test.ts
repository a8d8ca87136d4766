import { describe, expect, test } from 'vitest';
import { readRange } from '../../tools/cli/calls/page/byteRange.ts';
import { openBrowser } from '../../tools/cli/calls/page/openBrowser.ts';
import type { CallSummary } from '../../tools/page/api.ts';
import { choose, type Filter, NO_FILTER } from '../../tools/page/filter.ts';
import { CALL_HEIGHT, DAY_HEIGHT, rowAt, rowsOf } from '../../tools/page/rows.ts';
import { turnAt } from '../../tools/page/turnAt.ts';

function call(id: string, more: Partial<CallSummary> = {}): CallSummary {
  return {
    agent_id: 'agent_1',
    conversation_id: id,
    started_at: '2026-11-26T10:00:00.000Z',
    stored_at: '2026-11-26T10:01:00.000Z',
    duration_seconds: 60,
    direction: 'inbound',
    external_number: '+31612345678',
    successful: 'success',
    failure_reason: null,
    has: { transcript: true, otel: false, recording: true, failure: false, quarantine: false },
    missing: [],
    ...more,
  };
}

describe('the list of the page', () => {
  const failed = call('conv_failed', { has: { ...call('').has, failure: true }, external_number: null });
  const calls = [
    call('conv_one'),
    call('conv_two', { agent_id: 'agent_2', successful: 'failure', started_at: '2026-11-24T10:00:00.000Z' }),
    call('conv_three', { missing: ['recording'], external_number: '+4930123456' }),
    failed,
  ];

  test.each<[Partial<Filter>, string[]]>([
    [{}, ['conv_one', 'conv_two', 'conv_three', 'conv_failed']],
    [{ words: ' CONV_T ' }, ['conv_two', 'conv_three']],
    [{ words: 'agent_2' }, ['conv_two']],
    [{ words: '+49 (30) 123' }, ['conv_three']],
    [{ words: '0049 30' }, ['conv_three']],
    [{ words: '30 123' }, ['conv_three']],
    [{ words: 'nobody' }, []],
    [{ words: 'said' }, ['conv_failed']],
    [{ agent: 'agent_2' }, ['conv_two']],
    [{ result: 'failed' }, ['conv_two', 'conv_failed']],
    [{ result: 'incomplete' }, ['conv_three']],
    [{ result: 'quarantine' }, []],
    [{ from: '2026-11-25' }, ['conv_one', 'conv_three', 'conv_failed']],
    [{ from: '2026-11-24', to: '2026-11-24' }, ['conv_two']],
    [{ to: '2026-11-20' }, []],
  ])('with %j has %j', (filter, expected) => {
    const said = new Set(filter.words === 'said' ? ['agent_1/conv_failed'] : []);
    const chosen = choose(calls, { ...NO_FILTER, ...filter }, said);
    expect(chosen.map(({ conversation_id }) => conversation_id)).toEqual(expected);
  });

  test('has a heading before the first call of each day, and finds the row at a place', () => {
    const { rows, height } = rowsOf(
      [calls[0], calls[2], calls[1]] as CallSummary[],
      new Date('2026-11-26T12:00:00.000Z'),
    );
    expect(rows.map(({ kind }) => kind)).toEqual(['day', 'call', 'call', 'day', 'call']);
    expect(rows.map((row) => (row.kind === 'day' ? row.label.split(',')[0] : row.position))).toEqual([
      'Today',
      1,
      2,
      'Tuesday',
      3,
    ]);
    expect(height).toBe(2 * DAY_HEIGHT + 3 * CALL_HEIGHT);
    for (const [index, { top }] of rows.entries()) {
      expect([rowAt(rows, top), rowAt(rows, top + 1)]).toEqual([index, index]);
    }
    expect([rowAt(rows, -5), rowAt(rows, height + 5), rowAt([], 5)]).toEqual([0, 4, 0]);
  });
});

test.each([
  [-1, -1],
  [0, 0],
  [4.9, 0],
  [5, 2],
  [6.5, 2],
  [7, 3],
  [9, 5],
  [1000, 5],
])(
  'at %d s turn %i is heard: the last that has begun, of those of one second the last that says something',
  (seconds, turn) => {
    const turns = [
      { time_in_call_secs: 0, message: 'a' },
      { time_in_call_secs: 5, message: null },
      { time_in_call_secs: 5, message: 'b' },
      { time_in_call_secs: 7, message: 'c' },
      { time_in_call_secs: 7, message: null },
      { time_in_call_secs: 9, message: null },
      { message: 'without a time' },
    ];
    expect(turnAt(turns, seconds)).toBe(turn);
  },
);

test.each([
  ['bytes=0-0', { first: 0, length: 1 }],
  ['bytes=0-', { first: 0, length: 10 }],
  ['bytes=-20', { first: 0, length: 10 }],
  ['bytes=9-20', { first: 9, length: 1 }],
  ['bytes=-0', 'outside'],
  ['bytes=10-', 'outside'],
  ['bytes=-', undefined],
  ['bytes=5-4', undefined],
  ['bytes=0-1,2-3', undefined],
  ['lines=0-1', undefined],
  [undefined, undefined],
])('of 10 bytes the range %s is %j', (header, range) => {
  expect(readRange(header, 10)).toEqual(range);
});

test('no browser is opened where there is no desktop', () => {
  expect(openBrowser('http://127.0.0.1:7171/', { platform: 'linux', env: {} })).toBe(false);
  expect(openBrowser('http://127.0.0.1:7171/', { platform: 'freebsd', env: { DISPLAY: ':0' } })).toBe(false);
});
