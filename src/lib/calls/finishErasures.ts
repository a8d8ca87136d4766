import { randomUUID } from 'node:crypto';
import type { Log } from '../telemetry/log.ts';
import { withAgents } from './agentsOfErasure.ts';
import { findReturned } from './eraseBlobs.ts';
import { eraseCalls } from './eraseCalls.ts';
import type { EraseContext } from './eraseContext.ts';
import { type Erasure, listErasures, readErasure } from './erasureRecord.ts';

/** What the app has for it: nobody's key but its own. */
export type ErasingServices = Pick<EraseContext, 'storage' | 'areas' | 'elevenLabs' | 'now'>;

const SWEEP_MS = 120_000;
/** How many that are finished are looked at in one run; the next run takes the next ones. */
const LOOKED_AT = 20;
const STEP_MS = 5 * 60_000;
/** Then somebody should look why it is not finished. */
export const LATE_MS = 24 * 3_600_000;

/**
 * The sweep's part in erasing: goes on with what is not finished, and erases again what came back, for example with a version
 * that was restored. What cannot be finished is said, and loudly after a day.
 */
export async function finishErasures(services: ErasingServices, log: Log): Promise<void> {
  const { storage, areas, now } = services;
  const state = { storage, path: areas.state };
  const unfinished: string[] = [];
  const finished: string[] = [];
  const late = new Set<string>();
  for await (const { conversationId, isFinished, requestedAt } of listErasures(state)) {
    (isFinished ? finished : unfinished).push(conversationId);
    if (!isFinished && now() - requestedAt.getTime() > LATE_MS) late.add(conversationId);
  }
  const read = async (ids: readonly string[]) => {
    const found = await Promise.all(ids.map((id) => readErasure(state, id)));
    const known = found.filter((erasure) => erasure !== undefined);
    return withAgents(storage, areas, known);
  };
  const again = await cameBack(services, await read(turnOf(finished, now())), log);
  const erasures = [...(await read(unfinished)), ...again];
  if (erasures.length === 0) return;
  const { left } = await eraseCalls(contextOf(services, log), erasures);
  for (const { conversationId, step, reason } of left) {
    const level = late.has(conversationId) ? 'WARNING' : 'INFO';
    log.write(level, 'erasure', { outcome: 'unfinished', conversation: conversationId, step, hint: reason });
  }
  const open = new Set(left.map(({ conversationId }) => conversationId));
  for (const { conversation_id } of erasures) {
    if (!open.has(conversation_id))
      log.write('INFO', 'erasure', { outcome: 'finished', conversation: conversation_id });
  }
}

async function cameBack(
  { storage, areas }: ErasingServices,
  erasures: readonly Erasure[],
  log: Log,
): Promise<Erasure[]> {
  if (erasures.length === 0) return [];
  const returned = await findReturned(storage, areas, erasures);
  const ids = new Set(returned.map(({ conversationId }) => conversationId));
  for (const conversation of ids) log.write('WARNING', 'erasure', { outcome: 'came back', conversation });
  return erasures.filter(({ conversation_id }) => ids.has(conversation_id));
}

/** In turn, by the clock: nothing has to be remembered from run to run. */
function turnOf(ids: readonly string[], now: number): readonly string[] {
  const turns = Math.max(1, Math.ceil(ids.length / LOOKED_AT));
  const at = (Math.floor(now / STEP_MS) % turns) * LOOKED_AT;
  return ids.slice(at, at + LOOKED_AT);
}

function contextOf(services: ErasingServices, log: Log): EraseContext {
  const work = {
    id: `sweep-${randomUUID()}`,
    signal: AbortSignal.timeout(SWEEP_MS),
    endsAtMs: performance.now() + SWEEP_MS,
    log,
  };
  return { ...services, storage: services.storage.until(work.signal), operator: undefined, work };
}
