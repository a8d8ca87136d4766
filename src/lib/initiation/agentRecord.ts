import * as z from 'zod/mini';
import { OVERRIDES } from '../elevenlabs/agentRules.ts';
import type { RecordKind } from '../storage/stateStore.ts';

const time = z.iso.datetime();

/** What an agent allows and demands, as it is kept in `agents/<agent_id>.json` of the state area. Times are ISO 8601, UTC. */
const record = z.object({
  /** When a call of it was last asked about, to the day. */
  seen_at: time,
  /** When ElevenLabs last said what follows; null when it never did. */
  read_at: z.nullable(time),
  allows: z.array(z.enum(OVERRIDES)),
  demands: z.array(z.string()),
});
export type AgentRecord = z.infer<typeof record>;

/** One that cannot be read is written anew: ElevenLabs says all of it again. */
export const agentRecords: RecordKind<AgentRecord> = {
  folder: 'agents',
  schema: record,
  unusable: { limitBytes: 256 * 1024, as: () => NEVER_READ },
};

const NEVER_READ: AgentRecord = { seen_at: new Date(0).toISOString(), read_at: null, allows: [], demands: [] };

export function newAgentRecord(nowMs: number): AgentRecord {
  return { ...NEVER_READ, seen_at: new Date(nowMs).toISOString() };
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const REFRESH_AFTER_MS = 5 * MINUTE_MS;
/** A stale "allowed" ends calls. */
const VALID_MS = 15 * MINUTE_MS;
const SEEN_DAYS = 30;

export function isStale({ read_at: at }: AgentRecord, nowMs: number): boolean {
  return at === null || nowMs - Date.parse(at) > REFRESH_AFTER_MS;
}

/** Whether what it allows counts. */
export function isValid({ read_at: at }: AgentRecord, nowMs: number): boolean {
  return at !== null && nowMs - Date.parse(at) <= VALID_MS;
}

/** Whether it is worth writing down that the agent was seen. */
export function isSeenLongAgo({ seen_at: at }: AgentRecord, nowMs: number): boolean {
  return nowMs - Date.parse(at) > DAY_MS;
}

export function isInUse({ seen_at: at }: AgentRecord, nowMs: number): boolean {
  return nowMs - Date.parse(at) <= SEEN_DAYS * DAY_MS;
}
