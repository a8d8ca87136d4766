import { format } from 'node:util';
import type { HostLine } from '../../local/host/host.ts';

const METHODS = { debug: 'debug', log: 'information', info: 'information', warn: 'warning', error: 'error' } as const;

/**
 * Hands on what the app writes to its console outside of an invocation, as the Functions host does: what it says of its
 * settings when it starts, and of requests that no function has seen.
 */
export function followConsole(write: (line: HostLine) => void): void {
  for (const [method, level] of Object.entries(METHODS) as [keyof typeof METHODS, HostLine['level']][]) {
    console[method] = (...args: unknown[]) => write({ level, message: format(...args) });
  }
}
