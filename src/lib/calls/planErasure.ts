import { hashOfNumber, labelOfNumber, readCallerKey } from '../callers/callerKey.ts';
import type { ElevenLabsClient } from '../elevenlabs/client.ts';
import type { Call as ApiCall } from '../elevenlabs/transport.ts';
import { idSchema } from '../ids.ts';
import { conversations, voices } from '../preCall/state/records.ts';
import { MADE_BY } from '../preCall/voice/clone.ts';
import type { StorageAreas } from '../settings/storageAreas.ts';
import type { Attempts } from '../storage/blobStorage.ts';
import { inParallel } from '../storage/inParallel.ts';
import { listBlobs, listFolders } from '../storage/listBlobs.ts';
import { StateStore } from '../storage/stateStore.ts';
import type { Call } from './call.ts';
import { describeCall } from './describeCall.ts';
import { type Erasure, readErasure, STEPS, type Step } from './erasureRecord.ts';
import type { ErasureRequest } from './erasureRequest.ts';
import { findCalls } from './findCalls.ts';
import { directoryEntries, entriesWithoutCall } from './findEntries.ts';
import { findStored, listCalls } from './listCalls.ts';

interface ErasureContext {
  readonly storage: Attempts;
  readonly areas: StorageAreas;
  /** Whether the conversation at ElevenLabs goes, too. */
  readonly withConversation: boolean;
  readonly now: () => number;
  /** Clones are also found by their labels; undefined without a key. */
  readonly elevenLabs?: { readonly client: ElevenLabsClient; readonly call: ApiCall } | undefined;
}

export interface ErasurePlan {
  readonly erasures: readonly Erasure[];
  /** What is stored of them, to be shown. */
  readonly calls: readonly Call[];
  /** Calls whose number is not known: they cannot be found by it. */
  readonly withoutNumber: number;
  /** Clones and entries of the directory that belong to no call that is known. */
  readonly voiceIds: readonly string[];
  readonly callers: readonly string[];
}

interface PreCallRecord {
  readonly conversationId: string;
  readonly agentId: string;
  readonly sample: string;
  readonly caller: string | undefined;
  readonly voiceId: string | undefined;
}

/** Finds everything of the calls that are asked for. Changes nothing. */
export async function planErasure(context: ErasureContext, request: ErasureRequest): Promise<ErasurePlan> {
  const { storage, areas } = context;
  const key = await readCallerKey({ storage, path: areas.state });
  const number = 'number' in request ? request.number : undefined;
  const label = key && number !== undefined ? labelOfNumber(key, number) : undefined;
  const found = 'conversationId' in request ? await callsOf(context, request) : undefined;
  const byNumber = number === undefined ? undefined : await findCalls(storage, areas, { number }, { limit: ALL });
  const calls = [...(found ?? byNumber?.calls ?? [])];
  const records = await preCallRecords(context);
  const own = records.filter((record) => isAskedFor(record, request, { label, calls }));
  for (const { conversationId, agentId } of own) {
    if (!calls.some((call) => call.conversationId === conversationId)) {
      calls.push(...(await callsOf(context, { conversationId, agentId })));
    }
  }
  const ids = new Set(
    [...calls, ...own, ...('conversationId' in request ? [request] : [])].map((one) => one.conversationId),
  );
  const erasures: Erasure[] = [];
  for (const conversationId of ids) {
    const about = {
      conversationId,
      agentId: 'conversationId' in request ? request.agentId : undefined,
      calls: calls.filter((call) => call.conversationId === conversationId),
      records: own.filter((record) => record.conversationId === conversationId),
      key,
      number,
    };
    erasures.push(await erasureOf(context, about));
  }
  const known = new Set(erasures.flatMap(({ voice_ids }) => voice_ids));
  return {
    erasures,
    calls,
    withoutNumber: number === undefined ? 0 : await countWithoutNumber(context),
    voiceIds: [...(await labelledVoices(context, request, label))].filter((id) => !known.has(id)),
    callers: await entriesWithoutCall(context, request, key),
  };
}

const MOST_AGENTS = 50;
const ALL = Number.MAX_SAFE_INTEGER;
/** Bodies that are read at once, of calls that were stored before metadata had the number. */
const READERS = 8;

async function callsOf(
  { storage, areas }: ErasureContext,
  who: { conversationId: string; agentId?: string | undefined },
): Promise<Call[]> {
  const stored = await findStored(storage, areas, who);
  return Promise.all(stored.map((one) => describeCall(storage, one)));
}

async function countWithoutNumber({ storage, areas }: ErasureContext): Promise<number> {
  let count = 0;
  const described = inParallel(listCalls(storage, areas), READERS, (stored) => describeCall(storage, stored));
  for await (const { details } of described) if (details['call_external_number'] === undefined) count++;
  return count;
}

/** What pre-call knows of conversations, and of the clones of their samples. */
async function preCallRecords({ storage, areas }: ErasureContext): Promise<PreCallRecord[]> {
  const state = new StateStore(storage, areas.preCallState);
  const found: PreCallRecord[] = [];
  const { container, prefix } = areas.preCallState;
  const folder = `${prefix}${conversations.folder}/`;
  for await (const { name } of listBlobs(storage, { container, prefix: folder })) {
    const conversationId = name.slice(folder.length).replace(/\.json$/, '');
    const value = (await state.read(conversations, conversationId))?.value;
    if (value === undefined) continue;
    const { agent_id: agentId, sample_sha256: sample, caller, answer } = value;
    const voice = answer?.voice_id ?? (await voiceOf(state, sample));
    found.push({ conversationId, agentId, sample, caller, voiceId: voice });
  }
  return found;
}

async function voiceOf(state: StateStore, sample: string): Promise<string | undefined> {
  const value = (await state.read(voices, sample))?.value;
  return value === undefined || value.state === 'cloning' ? undefined : value.voice_id;
}

function isAskedFor(
  record: PreCallRecord,
  request: ErasureRequest,
  { label, calls }: { readonly label: string | undefined; readonly calls: readonly Call[] },
): boolean {
  if ('voiceId' in request) return record.voiceId === request.voiceId;
  if ('conversationId' in request) return record.conversationId === request.conversationId;
  const isOfCall = calls.some(({ conversationId }) => conversationId === record.conversationId);
  return isOfCall || (label !== undefined && record.caller === label);
}

interface About {
  readonly conversationId: string;
  readonly agentId: string | undefined;
  readonly calls: readonly Call[];
  readonly records: readonly PreCallRecord[];
  readonly key: Buffer | undefined;
  readonly number: string | undefined;
}

/** Together with what an erasure of the same call has left: nothing that was once written down is forgotten. */
async function erasureOf(context: ErasureContext, about: About): Promise<Erasure> {
  const { storage, areas, now, withConversation } = context;
  const before = await readErasure({ storage, path: areas.state }, about.conversationId);
  const numbers = about.calls.flatMap(({ details }) => details['call_external_number'] ?? []);
  if (about.number !== undefined) numbers.push(about.number);
  const { key } = about;
  const hashes = await directoryEntries(context, [
    ...(key === undefined ? [] : numbers.map((number) => hashOfNumber(key, number))),
    ...about.records.flatMap(({ caller }) => caller ?? []),
  ]);
  const isNew = about.calls.length + about.records.length + hashes.length > 0;
  if (before?.finished_at && !isNew && !withConversation) return before;
  const wasLeft = before?.left.includes('conversation') === true;
  const steps: Step[] = STEPS.filter((step) => step !== 'conversation' || withConversation || wasLeft);
  const agents = [...about.calls, ...about.records].map(({ agentId }) => agentId);
  const known = unique([
    ...(before?.agent_ids ?? []),
    ...agents,
    ...(about.agentId === undefined ? [] : [about.agentId]),
  ]);
  return {
    conversation_id: about.conversationId,
    agent_ids: known.length > 0 ? known : await allAgents(context),
    requested_at: before?.requested_at ?? new Date(now()).toISOString(),
    finished_at: null,
    left: steps,
    is_over:
      before?.is_over === true ||
      about.calls.some(({ has }) => has.transcript || has.otel || has.recording || has.failure),
    voice_ids: unique([...(before?.voice_ids ?? []), ...about.records.flatMap(({ voiceId }) => voiceId ?? [])]),
    samples: unique([...(before?.samples ?? []), ...about.records.map(({ sample }) => sample)]),
    callers: unique([...(before?.callers ?? []), ...hashes]),
  };
}

/**
 * Of a call of which nothing is stored yet nobody knows the agent: the names are taken for every agent that has ever sent one.
 * With many of them the agent has to be said.
 */
async function allAgents({ storage, areas }: ErasureContext): Promise<string[]> {
  const { transcripts, audio, callFailures } = areas;
  const folders = await Promise.all([transcripts, audio, callFailures].map((path) => listFolders(storage, path)));
  const agents = unique(folders.flat()).filter((agent) => idSchema.safeParse(agent).success);
  return agents.length > MOST_AGENTS ? [] : agents;
}

/** Clones that carry the caller's label, or are the one that is asked for. */
async function labelledVoices(
  { elevenLabs }: ErasureContext,
  request: ErasureRequest,
  label: string | undefined,
): Promise<Set<string>> {
  const found = new Set('voiceId' in request ? [request.voiceId] : []);
  if (elevenLabs === undefined || label === undefined) return found;
  const labels = { made_by: MADE_BY, caller: label };
  for await (const { voiceId } of elevenLabs.client.findVoices({ category: 'cloned', labels }, elevenLabs.call)) {
    found.add(voiceId);
  }
  return found;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
