import { ElevenLabsError } from '../elevenlabs/errors.ts';
import type { Services } from '../services.ts';

const CACHE_MS = 5 * 60_000;
const LIMIT_MS = 2_000;

export interface PreCallHealth {
  readonly status: 'healthy' | 'unhealthy' | 'not configured';
  readonly settings?: readonly string[];
  /** Why ElevenLabs is not usable. */
  readonly reason?: string;
}

/** Makes the check of pre-call's own side. ElevenLabs is asked at most once in five minutes; post-call never depends on it. */
export function preCallHealth(services: Services): () => Promise<PreCallHealth> {
  let asked: { at: number; result: Promise<PreCallHealth> } | undefined;
  return async () => {
    const { preCallProblems } = services.configuration;
    if (services.preCall === undefined) {
      const settings = preCallProblems.map(({ setting }) => setting);
      return { status: 'not configured', ...(settings.length === 0 ? {} : { settings }) };
    }
    if (asked === undefined || services.now() - asked.at >= CACHE_MS) {
      asked = { at: services.now(), result: askElevenLabs(services.preCall) };
    }
    return asked.result;
  };
}

async function askElevenLabs({ elevenLabs }: NonNullable<Services['preCall']>): Promise<PreCallHealth> {
  try {
    await elevenLabs.findVoices({ pageSize: 1 }, { signal: AbortSignal.timeout(LIMIT_MS) }).next();
    return { status: 'healthy' };
  } catch (error) {
    return { status: 'unhealthy', reason: error instanceof ElevenLabsError ? error.reason : 'upstream_unavailable' };
  }
}
