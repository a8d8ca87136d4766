import { ElevenLabsError } from '../elevenlabs/errors.ts';
import type { InitiationContext } from './context.ts';

/** Why ElevenLabs does not say what agents allow, so that no call gets overrides; undefined when it does, or there is no key. */
export async function missingRules(
  { agents }: Pick<InitiationContext, 'agents'>,
  limitMs: number,
): Promise<string | undefined> {
  try {
    await agents?.api?.check({ signal: AbortSignal.timeout(limitMs) });
    return undefined;
  } catch (error) {
    return error instanceof ElevenLabsError ? error.reason : 'upstream_unavailable';
  }
}
