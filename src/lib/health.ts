import type { HttpResponseInit } from '@azure/functions';
import { nodeProblem } from './nodeVersion.ts';
import { preCallHealth } from './preCall/health.ts';
import type { Services } from './services.ts';

const STORAGE_LIMIT_MS = 2_000;
const CACHE_MS = 5_000;

interface Check {
  /** `unknown`: the settings do not even say which account. */
  readonly status: 'pass' | 'fail' | 'unknown';
  readonly settings?: readonly string[];
  /** The version of Node that runs, and the one that is needed. */
  readonly node?: string;
  readonly needs?: string;
}

/**
 * Makes the health check: 200 when Node is new enough, the settings are valid and storage answers, else 503. Storage is asked at most once in
 * five seconds and given two seconds. The answer names failing checks and settings, never a value.
 */
export function healthCheck(services: Services, nodeVersion = process.versions.node): () => Promise<HttpResponseInit> {
  let storage: { at: number; result: Promise<Check> } | undefined;

  const checkStorage = (): Promise<Check> => {
    if (storage === undefined || services.now() - storage.at >= CACHE_MS) {
      storage = { at: services.now(), result: askStorage(services) };
    }
    return storage.result;
  };

  const checkPreCall = preCallHealth(services);
  const oldNode = nodeProblem(nodeVersion);

  return async () => {
    const problems = services.configuration.problems.map(({ setting }) => setting);
    const checks: Record<string, Check> = {
      settings: problems.length === 0 ? { status: 'pass' } : { status: 'fail', settings: problems },
      storage: await checkStorage(),
      ...(oldNode === undefined ? {} : { runtime: { status: 'fail', ...oldNode } }),
    };
    const failing = Object.keys(checks).filter((name) => checks[name]?.status === 'fail');
    const isHealthy = failing.length === 0;
    return {
      status: isHealthy ? 200 : 503,
      headers: { 'cache-control': 'no-store' },
      jsonBody: {
        status: isHealthy ? 'healthy' : 'unhealthy',
        service: 'elevenlabs-webhook',
        ...(isHealthy ? {} : { failing }),
        checks,
        'elevenlabs-precall-webhook': await checkPreCall(),
      },
    };
  };
}

async function askStorage(services: Services): Promise<Check> {
  if (services.postCall === undefined) return { status: 'unknown' };
  const { storage, paths } = services.postCall.store;
  try {
    await storage.attempt(
      paths.incoming.container,
      (container, abortSignal) => container.getProperties({ abortSignal }),
      {
        totalMs: STORAGE_LIMIT_MS,
      },
    );
    return { status: 'pass' };
  } catch {
    return { status: 'fail' };
  }
}
