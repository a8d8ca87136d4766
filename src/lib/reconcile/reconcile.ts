import { ElevenLabsError } from '../elevenlabs/errors.ts';
import type { Log } from '../telemetry/log.ts';
import { AgentRun } from './agentRun.ts';
import type { ReconcileContext, Run } from './context.ts';
import { NoTimeLeft } from './fetchCall.ts';
import { type Finding, logFinding, reasonOf } from './finding.ts';
import { storedAgents } from './lookFor.ts';
import { LeaseLost, Progress } from './progress.ts';
import { Tally } from './tally.ts';

/** How a run ended. `busy`: another one is active. */
export interface RunEnd {
  readonly outcome: 'ok' | 'busy' | 'failed';
  readonly error?: unknown;
}

export interface RunOptions {
  readonly id: string;
  readonly log: Log;
  readonly limitMs?: number;
}

/** Under the five minutes of `functionTimeout` in host.json, which ends the process and every delivery in it. */
const RUN_MS = 4 * 60_000;
/** A run that died keeps others away for so long. */
const LEASE_MS = 5 * 60_000;

/**
 * One run of the timer: lists the conversations of each agent since the last time, asks storage what is here, and fetches what
 * is not. One at a time over all instances; whatever ends it, the next one goes on where it was.
 */
export async function reconcile(context: ReconcileContext, options: RunOptions): Promise<RunEnd> {
  const { id, log, limitMs = RUN_MS } = options;
  const { settings, state, now } = context;
  const startedAt = now();
  const endsAt = performance.now() + limitMs;
  const signal = AbortSignal.timeout(limitMs);
  const run: Run = { id, signal, msLeft: () => endsAt - performance.now() };
  const tally = new Tally();
  const host = new URL(settings.elevenLabs.baseUrl).host;
  const lease = { host, by: id, until: startedAt + LEASE_MS, now: startedAt };
  let progress: Progress | undefined;
  let end: RunEnd = { outcome: 'busy' };
  let isCut = false;
  try {
    progress = await Progress.take(state, lease);
    if (progress !== undefined) {
      const bound = { ...context, storage: context.storage.until(signal) };
      end = await allAgents(bound, run, { progress, tally, log });
    }
  } catch (error) {
    isCut = error instanceof NoTimeLeft || signal.aborted;
    if (isCut) end = { outcome: 'ok' };
    else end = error instanceof LeaseLost ? { outcome: 'busy' } : { outcome: 'failed', error };
  }
  await progress?.release().catch(() => {}); // it ends by itself
  const { recovered, backfilled, failed, unrecoverable } = tally.findings;
  if (end.outcome === 'ok' && failed > 0 && recovered + backfilled === 0) end = { outcome: 'failed' };
  log.write(end.outcome === 'failed' ? 'ERROR' : 'INFO', 'reconcile', {
    outcome: end.outcome,
    what: 'run',
    listed: tally.listed,
    whole: tally.whole,
    open: tally.open,
    recovered,
    backfilled,
    unrecoverable,
    failed,
    unreadable: tally.unreadable || undefined,
    more: isCut || undefined,
    ...(end.error === undefined ? {} : reasonOf(end.error)),
    ms: now() - startedAt,
  });
  return end;
}

interface AllAgents {
  readonly progress: Progress;
  readonly tally: Tally;
  readonly log: Log;
}

async function allAgents(context: ReconcileContext, run: Run, { progress, tally, log }: AllAgents): Promise<RunEnd> {
  const { agentIds } = context.settings;
  const agents = agentIds.length > 0 ? [...agentIds] : await storedAgents(context);
  const lastTime = (agentId: string) => progress.of(agentId)?.complete_at ?? 0;
  agents.sort((one, other) => lastTime(one) - lastTime(other));
  const onFinding = (finding: Finding) => {
    tally.count(finding);
    context.telemetry?.reconciled(finding.outcome, finding.what);
    logFinding(log, finding);
  };
  const onGap = (agent: string, sinceSeconds: number) => {
    const since = new Date(sinceSeconds * 1000).toISOString().slice(0, 10);
    const hint = `For longer than RECONCILE_DAYS nobody has looked. What is missing since then is fetched by: reconcile --agent ${agent} --since ${since} --yes`;
    log.write('ERROR', 'reconcile', { outcome: 'gap', what: 'run', agent, since, hint });
  };
  let failure: unknown;
  for (const agentId of agents) {
    try {
      await new AgentRun(context, run, { agentId, progress, tally, onFinding, onGap }).run();
    } catch (error) {
      if (!isOfOneAgent(error) || run.signal.aborted) throw error;
      failure ??= error;
    }
  }
  return failure === undefined ? { outcome: 'ok' } : { outcome: 'failed', error: failure };
}

/** The others may well be listed. */
function isOfOneAgent(error: unknown): boolean {
  return error instanceof ElevenLabsError && ['not_found', 'validation', 'unexpected_answer'].includes(error.reason);
}
