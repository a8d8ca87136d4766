import type { HostLine } from '../../local/host/host.ts';

/** One line of log for a terminal; undefined for the host's own small talk. */
export function formatLine({ level, message, functionName }: HostLine, now: Date): string | undefined {
  const isSmallTalk = functionName === undefined && (level === 'trace' || level === 'debug' || level === 'information');
  if (isSmallTalk) return undefined;
  const time = now.toTimeString().slice(0, 8);
  const label = level === 'information' ? 'info' : level;
  return `${time} ${label.padEnd(8)} ${functionName ?? 'host'}: ${message}`;
}
