import { callOf } from '../preCall/context.ts';
import { conversations, voices } from '../preCall/state/records.ts';
import { withAgents } from './agentsOfErasure.ts';
import { eraseBlobs, purge, putTombstones, VersionsLeft } from './eraseBlobs.ts';
import { eraseClones } from './eraseClones.ts';
import type { EraseContext } from './eraseContext.ts';
import { type Erasure, type StateArea, type Step, writeErasure } from './erasureRecord.ts';

/** Why something is left: nothing of what was asked for is silently not done. */
interface Left {
  readonly conversationId: string;
  readonly step: Step;
  readonly reason: string;
}

export interface Erased {
  /** As they are written down now. */
  readonly erasures: readonly Erasure[];
  /** Blobs, versions and snapshots. */
  readonly deletedBlobs: number;
  readonly left: readonly Left[];
}

/**
 * Erases calls for good. All of it is written down before the first of it is touched, so that whoever finds the records may
 * finish what died on the way; every step may be done twice. First the names are taken (from then on no delivery of these calls
 * is kept), then what was stored is deleted, then what ElevenLabs has.
 */
export async function eraseCalls(context: EraseContext, given: readonly Erasure[]): Promise<Erased> {
  const { storage, areas } = context;
  const state: StateArea = { storage, path: areas.state };
  for (const erasure of given) await writeErasure(state, erasure);
  const planned = await withAgents(storage, areas, given); // an agent that begins to send calls from now on asks the record
  let deletedBlobs = 0;
  for (const erasure of planned) deletedBlobs += await putTombstones(storage, areas, erasure);
  const versionsLeft = await eraseBlobs(storage, areas, planned).then(
    (deleted) => {
      deletedBlobs += deleted;
      return undefined;
    },
    (error: unknown) => {
      if (error instanceof VersionsLeft) return error.message;
      throw error;
    },
  );
  const erasures: Erasure[] = [];
  const left: Left[] = [];
  for (const erasure of planned) {
    const conversationId = erasure.conversation_id;
    const reasons = await eraseElsewhere(context, erasure);
    if (versionsLeft !== undefined) reasons.unshift({ conversationId, step: 'blobs', reason: versionsLeft });
    const done = { ...erasure, ...finished(context, erasure, reasons) };
    await writeErasure(state, done);
    erasures.push(done);
    left.push(...reasons);
  }
  return { erasures, deletedBlobs, left };
}

/** Deletes entries of the directory of callers, by the keyed hashes of their numbers. */
export async function eraseDirectoryEntries(
  { storage, areas: { callers } }: Pick<EraseContext, 'storage' | 'areas'>,
  hashes: readonly string[],
): Promise<number> {
  let deleted = 0;
  for (const hash of hashes) {
    deleted += await purge(storage, { container: callers.container, prefix: `${callers.prefix}${hash}.` });
  }
  return deleted;
}

function finished({ now }: EraseContext, erasure: Erasure, left: readonly Left[]): Partial<Erasure> {
  const steps = left.map(({ step }) => step);
  const hasClones = steps.includes('voices');
  return {
    left: steps,
    finished_at: steps.length === 0 ? (erasure.finished_at ?? new Date(now()).toISOString()) : null,
    ...(steps.includes('caller') ? {} : { callers: [] }),
    ...(hasClones ? {} : { voice_ids: [], samples: [] }),
  };
}

/** Clones, then what pre-call has written down of the call, then the conversation at ElevenLabs. */
async function eraseElsewhere(context: EraseContext, erasure: Erasure): Promise<Left[]> {
  const conversationId = erasure.conversation_id;
  const left: Left[] = [];
  const step = async (name: Step, action: () => Promise<string | undefined>) => {
    const reason = await action().catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
    if (reason !== undefined) left.push({ conversationId, step: name, reason });
  };
  await step('caller', async () => void (await eraseDirectoryEntries(context, erasure.callers)));
  await step('voices', () => eraseClones(context, erasure));
  await step('state', async () =>
    left.some((one) => one.step === 'voices') ? 'waits for the clone' : forgetCall(context, erasure),
  );
  if (erasure.left.includes('conversation'))
    await step('conversation', () => eraseConversation(context, conversationId));
  return left;
}

async function forgetCall({ storage, areas }: EraseContext, erasure: Erasure): Promise<undefined> {
  const { container, prefix } = areas.preCallState;
  const names = [
    `${conversations.folder}/${erasure.conversation_id}.json`,
    ...erasure.samples.map((sample) => `${voices.folder}/${sample}.json`),
  ];
  for (const name of names) await purge(storage, { container, prefix: prefix + name });
}

async function eraseConversation(
  { operator, work }: EraseContext,
  conversationId: string,
): Promise<string | undefined> {
  if (operator === undefined) return "needs the operator's key: set ELEVENLABS_OPERATOR_API_KEY";
  await operator.deleteConversation(conversationId, callOf(work));
  return undefined;
}
