import { randomUUID } from 'node:crypto';
import type { EraseContext } from '../../../src/lib/calls/eraseContext.ts';
import { ElevenLabsClient } from '../../../src/lib/elevenlabs/client.ts';
import { note } from '../../command/output.ts';
import type { StorageAccess } from '../storageAccess.ts';

const LONGEST_MS = 10 * 60_000;

/**
 * For one run of the command, with the keys that the settings have.
 *
 * @param operatorKey in place of the one of the settings, where it was asked for; empty for none.
 */
export function eraseContext(
  { storage, areas, settings }: StorageAccess,
  operatorKey = settings['ELEVENLABS_OPERATOR_API_KEY'],
): EraseContext {
  const baseUrl = (settings['ELEVENLABS_API_BASE_URL'] || 'https://api.elevenlabs.io').replace(/\/$/, '');
  const client = (apiKey: string | undefined) => (apiKey ? new ElevenLabsClient({ baseUrl, apiKey }) : undefined);
  const operator = client(operatorKey);
  return {
    storage,
    areas,
    elevenLabs: client(settings['ELEVENLABS_API_KEY']) ?? operator,
    operator,
    now: Date.now,
    work: {
      id: `erase-${randomUUID()}`,
      signal: AbortSignal.timeout(LONGEST_MS),
      endsAtMs: performance.now() + LONGEST_MS,
      log: {
        write: (level, _event, fields) => {
          if (level === 'WARNING' || level === 'ERROR')
            note([fields?.['outcome'], fields?.['hint']].filter(Boolean).join(': '));
        },
      },
    },
  };
}
