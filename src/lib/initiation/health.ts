import type { Configuration } from '../settings/settings.ts';
import type { InitiationContext } from './context.ts';
import { missingRules } from './missingRules.ts';

const CACHE_MS = 5 * 60_000;
const LIMIT_MS = 2_000;

/** How the initiation webhook is. It never makes the app unhealthy: calls are answered with defaults at worst. */
export interface InitiationHealth {
  /** `limited`: it answers, without what `reason` names. */
  readonly status: 'off' | 'not configured' | 'healthy' | 'limited';
  readonly settings?: readonly string[];
  /** `no_directory`: callers cannot be looked up. Anything else: why the agents' rules are unknown, so that no overrides are sent. */
  readonly reason?: string;
}

export interface InitiationHealthServices {
  readonly configuration: Pick<Configuration, 'initiation' | 'callers'>;
  readonly initiation: Pick<InitiationContext, 'callers' | 'agents'> | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Makes the check; ElevenLabs is asked at most once in five minutes. */
export function initiationHealth(services: InitiationHealthServices): () => Promise<InitiationHealth> {
  const { configuration, initiation, now } = services;
  let asked: { at: number; result: Promise<string | undefined> } | undefined;
  return async () => {
    const { isUsed, problems } = configuration.initiation;
    if (!isUsed) return { status: 'off' };
    if (initiation === undefined) return { status: 'not configured', ...named(problems) };
    if (initiation.callers === undefined) {
      return { status: 'limited', reason: 'no_directory', ...named(configuration.callers.problems) };
    }
    if (configuration.initiation.elevenLabs === undefined) {
      return { status: 'limited', reason: 'no_api_key', settings: ['ELEVENLABS_API_KEY'] };
    }
    if (asked === undefined || now() - asked.at >= CACHE_MS) {
      asked = { at: now(), result: missingRules(initiation, LIMIT_MS) };
    }
    const reason = await asked.result;
    return reason === undefined ? { status: 'healthy' } : { status: 'limited', reason };
  };
}

function named(problems: readonly { readonly setting: string }[]): { readonly settings?: readonly string[] } {
  return problems.length === 0 ? {} : { settings: [...new Set(problems.map(({ setting }) => setting))] };
}
