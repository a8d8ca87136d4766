import { paint, readableSize } from '../../command/output.ts';
import type { HostLine } from '../../local/host/host.ts';

/** How log lines are shown: for people, with every field when `isDebug`, or as JSON. */
export interface LineStyle {
  format: 'text' | 'json';
  isDebug: boolean;
}

/** A line as the app writes it with LOG_FORMAT=json: a level, a message, and facts. */
type AppLine = Readonly<Record<string, unknown>> & { level: string; message: string };

const INDENT = ' '.repeat(10);

/** One line of log for a terminal, with what belongs to it below; undefined for the host's own small talk. */
export function formatLine(line: HostLine, now: Date, { format, isDebug }: LineStyle): string | undefined {
  const { level, message, functionName } = line;
  const app = parse(message);
  const isSmallTalk =
    app === undefined && functionName === undefined && ['trace', 'debug', 'information'].includes(level);
  if (isSmallTalk && !isDebug) return undefined;
  if (format === 'json')
    return JSON.stringify({ time: now.toISOString(), level: levels[level], message, ...app, function: functionName });

  const time = paint('dim', now.toTimeString().slice(0, 8));
  if (app === undefined) return `${time}  ${label(levels[level])}  ${functionName ?? 'host'}: ${visible(message)}`;
  return [`${time}  ${headline(app, isDebug)}`, ...below(app, isDebug)].join('\n');
}

const levels: Record<HostLine['level'], string> = {
  trace: 'DEBUG',
  debug: 'DEBUG',
  information: 'INFO',
  warning: 'WARNING',
  error: 'ERROR',
  critical: 'ERROR',
};

function parse(message: string): AppLine | undefined {
  if (!message.startsWith('{')) return undefined;
  try {
    // Read back as it was written; text within it may come from anywhere.
    const line = JSON.parse(message, (_, value) => (typeof value === 'string' ? visible(value) : value)) as AppLine;
    return typeof line.level === 'string' && typeof line.message === 'string' ? line : undefined;
  } catch {
    return undefined;
  }
}

/** `200 stored  transcription  conv_4801…0001  20 kB  25 ms` of what was answered; else the level, the message and its facts. */
function headline(line: AppLine, isDebug: boolean): string {
  const { level, message, status, outcome } = line;
  if (typeof status !== 'number' || outcome === undefined)
    return [label(level), message, ...facts(line, isDebug ? [] : ['delivery'])].join('  ');
  const parts = [
    paint(status < 400 ? 'green' : status < 500 ? 'yellow' : 'red', `${status} ${outcome}`),
    message === 'delivery' ? String(line['event'] ?? '').replace(/^post_call_/, '') : message,
    line['code'],
    short(line['conversation']),
    typeof line['bytes'] === 'number' ? readableSize(line['bytes']) : undefined,
    typeof line['ms'] === 'number' ? `${line['ms']} ms` : undefined,
  ];
  return parts.filter((part) => part !== undefined && part !== '').join('  ');
}

/** A person is to see at a glance whose line it is; the whole id is in the blob's name. */
function short(id: unknown): string | undefined {
  if (typeof id !== 'string') return undefined;
  return id.length > 16 ? `${id.slice(0, 9)}…${id.slice(-4)}` : id;
}

function below(line: AppLine, isDebug: boolean): string[] {
  const { hint, bug } = line;
  const isAnswer = typeof line['status'] === 'number' && line['outcome'] !== undefined;
  return [
    ...(typeof hint === 'string' ? [hint] : []),
    ...(typeof bug === 'string' ? bug.split('\n') : []),
    ...(isDebug && isAnswer ? [paint('dim', facts(line, ['outcome', 'status', 'code']).join(' '))] : []),
  ].map((text) => INDENT + text);
}

function facts(line: AppLine, without: readonly string[]): string[] {
  const shown = ['level', 'message', 'hint', 'bug', ...without];
  return Object.entries(line)
    .filter(([name]) => !shown.includes(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' && /\s/.test(value) ? JSON.stringify(value) : value}`);
}

function label(level: string): string {
  const colour = { WARNING: 'yellow', ERROR: 'red' } as const;
  const text = level.toLowerCase();
  return level === 'WARNING' || level === 'ERROR' ? paint(colour[level], text) : text;
}

/** Without characters that steer a terminal: only what `paint` adds does that. */
function visible(text: string): string {
  return text.replace(/[^\n\P{Cc}]/gu, '');
}
