import { expect, test } from 'vitest';
import { formatLine, type LineStyle } from '../../tools/cli/serve/logLine.ts';
import type { HostLine } from '../../tools/local/host/host.ts';

const now = new Date(2026, 10, 26, 19, 15, 30);
const text: LineStyle = { format: 'text', isDebug: false };
const debug: LineStyle = { format: 'text', isDebug: true };

function line(fields: object, more: Partial<HostLine> = {}): HostLine {
  return {
    level: 'information',
    functionName: 'postCallWebhook',
    message: JSON.stringify({ level: 'INFO', message: 'delivery', ...fields }),
    ...more,
  };
}

const stored = {
  outcome: 'stored',
  event: 'post_call_transcription',
  conversation: 'conv_4801bluebirdexample0001',
  bytes: 20_109,
  ms: 25,
  blob: 'transcripts/a/b.json',
  status: 200,
};

test('a delivery is what a person looks for; the rest is for DEBUG', () => {
  const short = '19:15:30  200 stored  transcription  conv_4801…0001  20 kB  25 ms';
  expect(formatLine(line(stored), now, text)).toBe(short);
  expect(formatLine(line(stored), now, debug)).toBe(
    `${short}\n          event=post_call_transcription conversation=conv_4801bluebirdexample0001 bytes=20109 ms=25 blob=transcripts/a/b.json`,
  );
});

test.each([
  [
    { ...stored, outcome: 'duplicate', event: 'post_call_audio', bytes: 80e6, ms: 1234 },
    '200 duplicate  audio  conv_4801…0001  80 MB  1234 ms',
  ],
  [
    { outcome: 'refused', status: 401, code: 'signature_missing', ms: 0, hint: 'Why.' },
    '401 refused  signature_missing  0 ms\n          Why.',
  ],
  [
    { message: 'pre-call', outcome: 'cloned', status: 200, conversation: 'conv_short', ms: 9 },
    '200 cloned  pre-call  conv_short  9 ms',
  ],
  [
    { level: 'WARNING', message: 'sweep', outcome: 'finished', blob: 'a b' },
    'warning  sweep  outcome=finished  blob="a b"',
  ],
  [{ outcome: 'failed', status: 500, bug: 'Error: x\n    at y' }, '500 failed\n          Error: x\n              at y'],
  [
    { outcome: 'failed', status: 500, bug: 'Error: \u001b[31mred\u0007\n' },
    '500 failed\n          Error: [31mred\n          ',
  ],
])('%j is one line, and what belongs to it below', (fields, expected) => {
  expect(formatLine(line(fields), now, text)).toBe(`19:15:30  ${expected}`);
});

test('what is not of the app is shown as it is, without steering the terminal', () => {
  const message = '{"not": "ours"} \u001b[2J';
  expect(formatLine({ level: 'warning', message }, now, text)).toBe('19:15:30  warning  host: {"not": "ours"} [2J');
});

test('the small talk of the host is for DEBUG', () => {
  const talk: HostLine = { level: 'information', message: 'Answered 404' };
  expect(formatLine(talk, now, text)).toBeUndefined();
  expect(formatLine(talk, now, debug)).toBe('19:15:30  info  host: Answered 404');
});

test('as JSON, a line has the time, the level and the function, and the facts as the app has written them', () => {
  const json: LineStyle = { format: 'json', isDebug: false };
  expect(JSON.parse(formatLine(line(stored), now, json) ?? '')).toEqual({
    time: now.toISOString(),
    level: 'INFO',
    message: 'delivery',
    function: 'postCallWebhook',
    ...stored,
  });
  const host: HostLine = { level: 'error', message: 'two\nlines' };
  expect(JSON.parse(formatLine(host, now, json) ?? '')).toMatchObject({ level: 'ERROR', message: 'two\nlines' });
});
