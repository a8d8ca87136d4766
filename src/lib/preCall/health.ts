import { ElevenLabsError } from '../elevenlabs/errors.ts';
import type { Configuration } from '../settings/settings.ts';
import type { PreCallContext } from './context.ts';

const CACHE_MS = 5 * 60_000;
const LIMIT_MS = 2_000;

export interface ElevenLabsHealth {
  readonly status: 'healthy' | 'unhealthy' | 'not configured';
  readonly settings?: readonly string[];
  /** Why ElevenLabs is not usable. */
  readonly reason?: string;
}

export interface ElevenLabsServices {
  readonly configuration: Pick<Configuration, 'preCallProblems'>;
  readonly preCall: Pick<PreCallContext, 'elevenLabs'> | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Makes the check of what pre-call needs of ElevenLabs, which is asked at most once in five minutes. */
export function elevenLabsHealth({ configuration, preCall, now }: ElevenLabsServices): () => Promise<ElevenLabsHealth> {
  let asked: { at: number; result: Promise<ElevenLabsHealth> } | undefined;
  return async () => {
    if (preCall === undefined) {
      const settings = configuration.preCallProblems.map(({ setting }) => setting);
      return { status: 'not configured', ...(settings.length === 0 ? {} : { settings }) };
    }
    if (asked === undefined || now() - asked.at >= CACHE_MS) {
      asked = { at: now(), result: askElevenLabs(preCall) };
    }
    return asked.result;
  };
}

async function askElevenLabs({ elevenLabs }: Pick<PreCallContext, 'elevenLabs'>): Promise<ElevenLabsHealth> {
  try {
    await elevenLabs.findVoices({ pageSize: 1 }, { signal: AbortSignal.timeout(LIMIT_MS) }).next();
    return { status: 'healthy' };
  } catch (error) {
    return { status: 'unhealthy', reason: error instanceof ElevenLabsError ? error.reason : 'upstream_unavailable' };
  }
}
