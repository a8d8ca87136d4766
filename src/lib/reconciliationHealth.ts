import { lastRunOf, type StateArea } from './heartbeat.ts';
import type { ReconcileContext } from './reconcile/context.ts';
import type { Configuration } from './settings/settings.ts';

const CACHE_MS = 60_000;
const LIMIT_MS = 2_000;

/** How reconciliation is. It never makes the app unhealthy: what comes by webhook comes without it. */
export interface ReconciliationHealth {
  /** `waiting`: it has not run yet. `unknown`: storage does not say how it went. */
  readonly status: 'off' | 'not configured' | 'waiting' | 'ok' | 'failing' | 'unknown';
  readonly settings?: readonly string[];
  /** When a run last went well, ISO 8601; null when none ever did. */
  readonly last_ok_at?: string | null;
}

export interface ReconciliationServices {
  readonly configuration: Pick<Configuration, 'reconciliation'>;
  readonly reconciliation: ReconcileContext | undefined;
  readonly state: StateArea | undefined;
  readonly now: () => number;
}

/** Makes the check; storage is asked at most once a minute. */
export function reconciliationHealth(services: ReconciliationServices): () => Promise<ReconciliationHealth> {
  const { configuration, reconciliation, state, now } = services;
  const { isEnabled, problems } = configuration.reconciliation;
  let asked: { at: number; result: Promise<ReconciliationHealth> } | undefined;
  return async () => {
    if (!isEnabled) return { status: 'off' };
    if (reconciliation === undefined || state === undefined) {
      const settings = [...new Set(problems.map(({ setting }) => setting))];
      return { status: 'not configured', ...(settings.length === 0 ? {} : { settings }) };
    }
    if (asked === undefined || now() - asked.at >= CACHE_MS) asked = { at: now(), result: ask(state) };
    return asked.result;
  };
}

async function ask(state: StateArea): Promise<ReconciliationHealth> {
  try {
    const run = await lastRunOf(state, 'reconcile', LIMIT_MS);
    if (run === undefined) return { status: 'waiting' };
    return { status: run.outcome === 'ok' ? 'ok' : 'failing', last_ok_at: run.last_ok_at };
  } catch {
    return { status: 'unknown' };
  }
}
