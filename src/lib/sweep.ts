import type { CallerDirectory } from './callers/directory.ts';
import { sweepCallers } from './callers/sweepCallers.ts';
import { type ErasingServices, finishErasures } from './calls/finishErasures.ts';
import type { ElevenLabsClient } from './elevenlabs/client.ts';
import type { Health } from './health.ts';
import { noteRun, type StateArea } from './heartbeat.ts';
import type { KnownAgents } from './initiation/knownAgents.ts';
import { refreshAgents } from './initiation/refreshAgents.ts';
import type { CallStore } from './postCall/callStore.ts';
import type { PreCallContext } from './preCall/context.ts';
import { sweepPreCall } from './preCall/sweep.ts';
import { sweepIncoming } from './storage/incoming.ts';
import type { Log } from './telemetry/log.ts';

/** The longest that a delivery can be at work: the functionTimeout of host.json. */
const LONGEST_DELIVERY_MS = 5 * 60_000;

interface SweepServices {
  readonly postCall: { readonly store: Pick<CallStore, 'storage' | 'paths'> } | undefined;
  readonly preCall: PreCallContext | undefined;
  /** Undefined when the settings do not say where they are kept. */
  readonly agents?: KnownAgents | undefined;
  readonly callers: CallerDirectory | undefined;
  readonly elevenLabs: ElevenLabsClient | undefined;
  readonly state: StateArea | undefined;
  /** Undefined when the settings do not say where everything is. */
  readonly erasing: ErasingServices | undefined;
  readonly health: Pick<Health, 'ofApp'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

interface Task {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/**
 * What the timer does, and the heartbeat of the app: finishes what was left behind, makes the checks of `/health`, writes down
 * and logs how all of it went, and fails at the end when anything did not go well. One task that fails does not keep the
 * others from being done. Safe on many instances at once.
 */
export async function sweep(services: SweepServices, log: Log): Promise<void> {
  const { postCall, preCall, agents, callers: directory, elevenLabs, state, erasing, health, now } = services;
  const startedAt = new Date(now());
  const { failing: failingTasks, errors } = await runAll([
    ...(postCall === undefined ? [] : [{ name: 'incoming', run: () => finishRecordings(postCall.store, now(), log) }]),
    ...(preCall === undefined ? [] : [{ name: 'pre-call', run: () => sweepPreCall(preCall, log) }]),
    ...(agents === undefined ? [] : [{ name: 'agents', run: () => refreshAgents(agents, log) }]),
    ...(directory === undefined
      ? []
      : [{ name: 'callers', run: () => sweepCallers({ directory, elevenLabs, now }, log) }]),
    ...(erasing === undefined ? [] : [{ name: 'erasures', run: () => finishErasures(erasing, log) }]),
  ]);
  const { status, failing: failingChecks = [], checks } = await health.ofApp();
  const failing = [...failingChecks, ...failingTasks];
  const noting = await runAll(
    state === undefined
      ? []
      : [{ name: 'heartbeat', run: () => noteRun(state, 'sweep', { startedAt, endedAt: new Date(now()), failing }) }],
  );
  failing.push(...noting.failing);
  const isOk = failing.length === 0;
  log.write(isOk ? 'INFO' : 'ERROR', 'sweep', {
    outcome: isOk ? 'ok' : 'failed',
    what: 'run',
    health: status,
    failing: failing.join(',') || undefined,
    settings: checks.settings.settings?.join(','),
    ms: now() - startedAt.getTime(),
  });
  if (!isOk) throw new AggregateError([...errors, ...noting.errors], `The sweep found failing: ${failing.join(', ')}`);
}

async function runAll(tasks: readonly Task[]): Promise<{ failing: string[]; errors: unknown[] }> {
  const results = await Promise.allSettled(tasks.map(({ run }) => run()));
  const failing = tasks.filter((_task, index) => results[index]?.status === 'rejected').map(({ name }) => name);
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  return { failing, errors };
}

/** Finishes recordings that a process left behind when it died. */
async function finishRecordings(
  { storage, paths }: Pick<CallStore, 'storage' | 'paths'>,
  now: number,
  log: Log,
): Promise<void> {
  const { finished, failed } = await sweepIncoming(storage, paths.incoming, { olderThanMs: LONGEST_DELIVERY_MS, now });
  for (const { kind, blob } of finished) log.write('WARNING', 'sweep', { outcome: kind, blob });
  for (const { name, reason } of failed) log.write('ERROR', 'sweep', { outcome: 'failed', name, hint: reason });
  log.write('DEBUG', 'sweep', { finished: finished.length, failed: failed.length });
}
