import { UsageError } from '../command/errors.ts';
import { readPort } from '../command/option.ts';

/**
 * The port that a variable of the environment names; undefined when it is not set.
 *
 * @throws UsageError for anything that is not a port number.
 */
export function readEnvironmentPort(name: 'PORT' | 'STORAGE_PORT'): number | undefined {
  const text = process.env[name];
  if (!text) return undefined;
  try {
    return readPort(text);
  } catch (cause) {
    throw new UsageError(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
