import type { InvocationContext } from '@azure/functions';
import type { LogLevel, LogSettings } from '../settings/operatingSettings.ts';

/** The facts of a log line in the order in which they are to be read; undefined ones are left out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * Writes one line for one fact: `message key=value …`, or with `LOG_FORMAT=json` one object. Lines hold ids, sizes, times and
 * outcomes; never text of a call, names, numbers, secrets or signatures.
 */
export interface Log {
  write(level: LogLevel, message: string, fields?: LogFields): void;
}

const RANK: Record<LogLevel, number> = { DEBUG: 0, INFO: 1, WARNING: 2, ERROR: 3 };

/**
 * Logs through the invocation's context: only that is tied to the call in the portal (docs/facts/azure-functions.md#logs-and-telemetry).
 */
export function logTo(
  context: Pick<InvocationContext, 'debug' | 'info' | 'warn' | 'error'>,
  settings: LogSettings,
): Log {
  const writers: Record<LogLevel, (line: string) => void> = {
    DEBUG: (line) => context.debug(line),
    INFO: (line) => context.info(line),
    WARNING: (line) => context.warn(line),
    ERROR: (line) => context.error(line),
  };
  return {
    write(level, message, fields = {}) {
      if (RANK[level] < RANK[settings.level]) return;
      writers[level](settings.format === 'json' ? jsonLine(level, message, fields) : textLine(message, fields));
    },
  };
}

/** What is to be said when the app starts, outside of any invocation: `warning: …`, or one object. */
export function sayAtStart(level: LogLevel, message: string, { format }: LogSettings): void {
  console.error(format === 'json' ? jsonLine(level, message, {}) : `${level.toLowerCase()}: ${message}`);
}

function jsonLine(level: LogLevel, message: string, fields: LogFields): string {
  return JSON.stringify({ level, message, ...fields });
}

function textLine(message: string, fields: LogFields): string {
  const pairs = Object.entries(fields).filter(([, value]) => value !== undefined);
  return [message, ...pairs.map(([key, value]) => `${key}=${textValue(value)}`)].join(' ');
}

function textValue(value: string | number | boolean | undefined): string {
  const text = String(value);
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}
