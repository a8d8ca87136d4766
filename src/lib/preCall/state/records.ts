import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import type { RecordKind, StateStore } from '../../storage/stateStore.ts';

/**
 * Who is at work on a record: the delivery of a conversation, as long as that one is alive, or the sweep until a time. In records
 * it keeps the name that those of earlier versions have.
 */
const claim = z.union([
  z.object({ by: z.string(), conversation: z.string() }),
  z.object({ by: z.string(), until: z.number() }),
]);
export type Lock = z.infer<typeof claim>;

const conversation = z.object({
  agent_id: z.string(),
  sample_sha256: z.string(),
  /** The first 32 digits of the keyed hash of the caller's number, when there was one: by it a caller's calls are found. */
  caller: z.optional(z.string()),
  /** Milliseconds since 1970, as all times here. */
  expires_at: z.number(),
  claim: z.nullable(z.object({ by: z.string(), until: z.number() })),
  /** What the answer said; null until there is one. */
  answer: z.nullable(
    z.object({ voice_id: z.string(), cloned_at: z.number(), voice_reused: z.boolean(), agent_updated: z.boolean() }),
  ),
  /** The call is over, or its lease has expired. */
  ended: z.boolean(),
});
export type Conversation = z.infer<typeof conversation>;
export const conversations: RecordKind<Conversation> = { folder: 'conversations', schema: conversation };

const voice = z.union([
  z.object({ state: z.literal('ready'), voice_id: z.string(), cloned_at: z.number() }),
  z.object({ state: z.literal('cloning'), claim }),
  z.object({ state: z.literal('deleting'), claim, voice_id: z.string(), cloned_at: z.number() }),
]);
export type VoiceState = z.infer<typeof voice>;
/** By the sha256 of the sample. */
export const voices: RecordKind<VoiceState> = { folder: 'voices', schema: voice };

const agent = z.object({
  /** The agent's own voice and greeting, to be given back; null while nothing was leased. */
  own: z.nullable(z.object({ voice_id: z.nullable(z.string()), first_message: z.nullable(z.string()) })),
  /** Everything that we have set since, by which our own changes are told from somebody else's. */
  set: z.array(z.object({ voice_id: z.string(), first_message_sha256: z.string() })),
  lease: z.nullable(z.object({ conversation: z.string(), expires_at: z.number() })),
  claim: z.nullable(claim),
});
export type AgentState = z.infer<typeof agent>;
export const agents: RecordKind<AgentState> = { folder: 'agents', schema: agent };
export const NOTHING_LEASED: AgentState = { own: null, set: [], lease: null, claim: null };

const installation = z.object({ id: z.string() });
const installations: RecordKind<z.infer<typeof installation>> = { folder: 'installation', schema: installation };

/** The random id of this installation, created once: voices that do not carry it are never touched. */
export async function installationId(state: StateStore): Promise<string> {
  const { record } = await state.create(installations, 'id', { id: randomUUID() });
  return record.value.id;
}

export function isExpired(until: number, now: number): boolean {
  return until <= now;
}

/** Whether whoever holds the lock is still at work. */
export async function isAlive(state: StateStore, held: Lock, now: () => number): Promise<boolean> {
  if ('until' in held) return !isExpired(held.until, now());
  const holder = (await state.read(conversations, held.conversation))?.value.claim;
  return holder !== undefined && holder !== null && holder.by === held.by && !isExpired(holder.until, now());
}
