import type { FetchedConversation } from '../elevenlabs/conversations.ts';
import { ElevenLabsError } from '../elevenlabs/errors.ts';
import { type CallToCheck, checkCall } from './checkCall.ts';
import type { ReconcileContext, Run } from './context.ts';
import { type Finding, failed } from './finding.ts';
import { storedAgents } from './lookFor.ts';
import { Tally } from './tally.ts';

export interface BackfillOptions {
  /** Unix seconds; RECONCILE_DAYS ago when left out. */
  readonly sinceSeconds?: number | undefined;
  readonly agentIds?: readonly string[] | undefined;
  readonly conversationIds?: readonly string[] | undefined;
  readonly isDryRun: boolean;
  /** Also what is older than RECONCILE_DAYS, although retention may have deleted it on purpose. */
  readonly includesOlder: boolean;
  readonly onFinding: (finding: Finding) => void;
  /** After each call. */
  readonly onProgress: (tally: Tally) => void;
}

const DAY_SECONDS = 86_400;

/**
 * What an operator asks for, besides the timer: whose calls, from when on, and without writing down how far it came.
 *
 * @throws {ElevenLabsError} {@link StorageUnavailable} for what is not about one call.
 */
export async function backfill(context: ReconcileContext, run: Run, options: BackfillOptions): Promise<Tally> {
  const tally = new Tally();
  const oldest = context.now() / 1000 - context.settings.days * DAY_SECONDS;
  const seen = new Set<string>();
  const onFinding = (finding: Finding) => {
    tally.count(finding);
    options.onFinding(finding);
  };
  const check = async (call: CallToCheck) => {
    if (seen.has(call.id)) return;
    seen.add(call.id);
    tally.listed++;
    const isOlder = call.startedAtSeconds < oldest && !options.includesOlder;
    const onlySays = options.isDryRun ? 'dry_run' : isOlder ? 'older' : undefined;
    const { state, findings } = await checkCall(context, run, call, { fetchedAs: 'backfilled', onlySays });
    tally[state]++;
    for (const finding of findings) onFinding(finding);
    options.onProgress(tally);
  };
  if (options.conversationIds !== undefined) {
    for (const id of options.conversationIds) {
      const call = await find(context, run, id, onFinding);
      if (call === undefined) tally.listed++;
      else await check(call.detail);
    }
    return tally;
  }
  const fromSeconds = options.sinceSeconds ?? oldest;
  for (const agentId of options.agentIds ?? (await agentsOf(context))) {
    for await (const page of context.api.pages({ agentId, fromSeconds }, { signal: run.signal })) {
      tally.unreadable += page.unreadable;
      for (const call of page.conversations) {
        if (call.agentId === agentId && call.startedAtSeconds >= fromSeconds) await check(call);
      }
    }
  }
  return tally;
}

async function agentsOf(context: ReconcileContext): Promise<readonly string[]> {
  const { agentIds } = context.settings;
  return agentIds.length > 0 ? agentIds : storedAgents(context);
}

/** Only ElevenLabs knows whose conversation it is. */
async function find(
  { api }: ReconcileContext,
  { signal }: Run,
  id: string,
  onFinding: (finding: Finding) => void,
): Promise<FetchedConversation | undefined> {
  try {
    return await api.conversation({ id }, { signal });
  } catch (error) {
    if (!(error instanceof ElevenLabsError)) throw error;
    const part = { conversationId: id, agentId: undefined, what: 'transcript' } as const;
    if (error.reason === 'not_found') onFinding({ ...part, outcome: 'unrecoverable', reason: 'deleted' });
    else if (['invalid_api_key', 'rate_limited'].includes(error.reason)) throw error;
    else onFinding(failed(part, error));
    return undefined;
  }
}
