import { noteRun, type StateArea } from './heartbeat.ts';
import type { ReconcileContext } from './reconcile/context.ts';
import { reconcile } from './reconcile/reconcile.ts';
import type { Configuration } from './settings/settings.ts';
import type { Log } from './telemetry/log.ts';

interface ReconcileServices {
  readonly configuration: Pick<Configuration, 'reconciliation'>;
  /** Undefined when reconciliation is not configured. */
  readonly reconciliation: ReconcileContext | undefined;
  readonly state: StateArea | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What the timer does: nothing where reconciliation is off; else one run, which is written down, and fails when it did. */
export async function reconcileByTimer(services: ReconcileServices, id: string, log: Log): Promise<void> {
  const { configuration, reconciliation, state, now } = services;
  const { isEnabled, problems } = configuration.reconciliation;
  if (!isEnabled) return;
  if (reconciliation === undefined) {
    const settings = problems.map(({ setting }) => setting).join(',') || undefined;
    log.write('INFO', 'reconcile', { outcome: 'off', what: 'run', settings });
    return;
  }
  const startedAt = new Date(now());
  const { outcome, error } = await reconcile(reconciliation, { id, log });
  if (outcome === 'busy') return;
  const failing = outcome === 'failed' ? ['reconcile'] : [];
  if (state !== undefined) await noteRun(state, 'reconcile', { startedAt, endedAt: new Date(now()), failing });
  if (outcome === 'failed') throw new Error('Reconciliation has failed; its log line says why.', { cause: error });
}
