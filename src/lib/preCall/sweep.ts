import { randomUUID } from 'node:crypto';
import { placesOfCall } from '../postCall/places.ts';
import { isNotFound } from '../storage/blobStorage.ts';
import { isTombstone } from '../storage/erasures.ts';
import type { StateRecord } from '../storage/stateStore.ts';
import type { Log } from '../telemetry/log.ts';
import { restoreAgent } from './agent/restoreAgent.ts';
import type { PreCallContext, Work } from './context.ts';
import { agents, type Conversation, conversations, isExpired, voices } from './state/records.ts';
import { step } from './sweepStep.ts';
import { deleteClone, deleteOrphans, keepReserve, LOCK_MS } from './voice/deleteVoices.ts';

const SWEEP_MS = 120_000;
/** Long after any switch has given up delivering a conversation again. */
const FORGET_AFTER_MS = 7 * 24 * 3_600_000;
/**
 * Of an agent that has its own back. Long after the end of any delivery that saw it with a caller's voice: to one that finds
 * no record, what the agent has must be its own.
 */
const FORGET_AGENT_AFTER_MS = 15 * 60_000;

/**
 * The sweep's second task: ends the leases of calls that are over or took too long, gives agents back what is their own, and
 * deletes clones that may go. Safe to run twice at once: every step is conditional on the state that it was decided on.
 */
export async function sweepPreCall(given: PreCallContext, log: Log): Promise<void> {
  const context = { ...given, directoryVoices: once(given.directoryVoices) };
  const work: Work = {
    id: `sweep-${randomUUID()}`,
    signal: AbortSignal.timeout(SWEEP_MS),
    // Stryker disable next-line ArithmeticOperator: only cloning looks at it, and the sweep clones nothing
    endsAtMs: performance.now() + SWEEP_MS,
    log,
  };
  const endedSamples = await endConversations(context, work);
  await restoreAgents(context, work);
  if (context.settings.deletesClones) {
    for (const { name } of await context.state.list(voices)) {
      if (endedSamples.has(name)) await step(work, 'clone', () => deleteClone(context, work, name));
    }
  }
  await step(work, 'orphans', () => deleteOrphans(context, work));
  if (context.settings.slotsReserve > 0) await step(work, 'reserve', () => keepReserve(context, work));
}

/**
 * Returns the samples that only ended conversations have used. Those that had ended before are among them: the sweep that
 * ended them may not have come as far as to delete their clones.
 */
async function endConversations(context: PreCallContext, work: Work): Promise<Set<string>> {
  const ended = new Set<string>();
  const running = new Set<string>();
  for (const { name, changedAt } of await context.state.list(conversations)) {
    await step(work, 'conversation', async () => {
      const record = await context.state.read(conversations, name);
      if (record === undefined) return;
      const sample = record.value.sample_sha256;
      if (record.value.ended) {
        ended.add(sample);
        if (context.now() - changedAt > FORGET_AFTER_MS) await context.state.remove(conversations, record);
        return;
      }
      const end = () => context.state.replace(conversations, record, { ...record.value, claim: null, ended: true });
      if (!(await isOver(context, record)) || (await end()) === undefined) {
        running.add(sample);
        return;
      }
      ended.add(sample);
      work.log.write('INFO', 'sweep', { outcome: 'lease ended', conversation: name, agent: record.value.agent_id });
    });
  }
  return new Set([...ended].filter((sample) => !running.has(sample)));
}

/** The call's post-call event is stored, or the lease has expired. */
async function isOver(context: PreCallContext, { name, value }: StateRecord<Conversation>): Promise<boolean> {
  if (isExpired(value.expires_at, context.now())) return true;
  const call = { agentId: value.agent_id, conversationId: name };
  for (const { container, stem, extension } of placesOfCall(context.settings.callPaths, call)) {
    if (await isStored(context, container, `${stem}.${extension}`)) return true;
  }
  return false;
}

/** A tombstone is no event: a call that was erased while it runs goes on. */
async function isStored(context: PreCallContext, containerName: string, blob: string): Promise<boolean> {
  try {
    const { metadata = {} } = await context.storage.attempt(containerName, (container, abortSignal) =>
      container.getBlobClient(blob).getProperties({ abortSignal }),
    );
    return !isTombstone(metadata);
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

async function restoreAgents(context: PreCallContext, work: Work): Promise<void> {
  for (const { name, changedAt } of await context.state.list(agents)) {
    await step(work, 'agent', async () => {
      const record = await context.state.read(agents, name);
      if (record === undefined) return;
      const { lease, own } = record.value;
      if (own === null) {
        if (context.now() - changedAt > FORGET_AGENT_AFTER_MS) await context.state.remove(agents, record);
        return;
      }
      if (lease !== null && !isExpired(lease.expires_at, context.now())) {
        const call = await context.state.read(conversations, lease.conversation);
        if (call !== undefined && !call.value.ended) return;
      }
      const isRestored = await restoreAgent(context, work, record, LOCK_MS);
      if (isRestored) work.log.write('INFO', 'sweep', { outcome: 'agent restored', agent: name });
    });
  }
}

/** The directory may be long: one look at it is enough for a sweep, since whoever is remembered meanwhile is on the phone. */
function once<T>(look: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= look();
    return result;
  };
}
