import { describe, expect, it } from 'vitest';
import type { LogLevel, LogSettings } from '../../../src/lib/settings/operatingSettings.ts';
import { type Log, logTo } from '../../../src/lib/telemetry/log.ts';

const LEVELS: readonly LogLevel[] = ['DEBUG', 'INFO', 'WARNING', 'ERROR'];

/** An invocation's context that notes what is written through which of its methods. */
function recorder(settings: LogSettings) {
  const lines: [method: string, ...unknown[]][] = [];
  const note =
    (method: string) =>
    (...written: unknown[]) =>
      void lines.push([method, ...written]);
  const context = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
  return { lines, log: logTo(context, settings) };
}

function lineOf(format: LogSettings['format'], message: string, fields?: Parameters<Log['write']>[2]): unknown {
  const { lines, log } = recorder({ level: 'DEBUG', format });
  log.write('INFO', message, fields);
  expect(lines).toHaveLength(1);
  return lines[0]?.[1];
}

describe('a log', () => {
  it('writes each level through its own method of the context', () => {
    const { lines, log } = recorder({ level: 'DEBUG', format: 'text' });
    for (const level of LEVELS) log.write(level, level);
    expect(lines).toEqual([
      ['debug', 'DEBUG'],
      ['info', 'INFO'],
      ['warn', 'WARNING'],
      ['error', 'ERROR'],
    ]);
  });

  it.each([
    ['DEBUG', ['DEBUG', 'INFO', 'WARNING', 'ERROR']],
    ['INFO', ['INFO', 'WARNING', 'ERROR']],
    ['WARNING', ['WARNING', 'ERROR']],
    ['ERROR', ['ERROR']],
  ] as const)('at %s writes %j', (level, written) => {
    const { lines, log } = recorder({ level, format: 'text' });
    for (const each of LEVELS) log.write(each, each);
    expect(lines.map(([, line]) => line)).toEqual(written);
  });
});

describe('a line of text', () => {
  it('is the message and then the fields in their order, without those that are undefined', () => {
    const fields = { outcome: 'stored', event: undefined, bytes: 123, ms: 0, duplicate: false };
    expect(lineOf('text', 'delivery', fields)).toBe('delivery outcome=stored bytes=123 ms=0 duplicate=false');
  });

  it('is the message alone when there are no fields', () => {
    expect(lineOf('text', 'started')).toBe('started');
  });

  it.each([
    ['a blob', 'transcripts/agent_1/conv-1.json', 'transcripts/agent_1/conv-1.json'],
    ['words', 'two words', '"two words"'],
    ['nothing', '', '""'],
    ['a quote', 'a"b', '"a\\"b"'],
    ['an equals sign', 'a=b', '"a=b"'],
    ['a line break', 'a\nERROR b', '"a\\nERROR b"'],
    ['a carriage return', 'a\rb', '"a\\rb"'],
    ['a negative number', -5, '-5'],
  ])('quotes %s only where it has to, and never breaks the line', (_name, value, written) => {
    expect(lineOf('text', 'delivery', { value })).toBe(`delivery value=${written}`);
  });
});

describe('a line of JSON', () => {
  it('is one object with level, message and fields, without those that are undefined', () => {
    const line = String(lineOf('json', 'delivery', { outcome: 'stored', event: undefined, bytes: 5, duplicate: true }));
    expect(JSON.parse(line)).toEqual({
      level: 'INFO',
      message: 'delivery',
      outcome: 'stored',
      bytes: 5,
      duplicate: true,
    });
  });

  it('stays one line whatever the values are', () => {
    const line = String(lineOf('json', 'delivery', { hint: 'a\nb "c"' }));
    expect(line).not.toContain('\n');
    expect(JSON.parse(line)).toMatchObject({ hint: 'a\nb "c"' });
  });
});
