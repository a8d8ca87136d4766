import { createHash } from 'node:crypto';
import type { Agent } from '../../elevenlabs/schemas.ts';
import type { AgentState } from '../state/records.ts';

type AgentVoice = Pick<Agent, 'voiceId' | 'firstMessage'>;
/** A voice and a greeting that an agent may have from us. */
type Change = AgentState['set'][number];

const LONGEST_HISTORY = 20;

export function changeOf({ voiceId, firstMessage }: AgentVoice): Change {
  return { voice_id: voiceId ?? '', first_message_sha256: hashOf(firstMessage ?? '') };
}

export function withChange(set: readonly Change[], voice: AgentVoice): Change[] {
  const change = changeOf(voice);
  return [...set.filter((known) => !isSame(known, change)), change].slice(-LONGEST_HISTORY);
}

/** Whether what the agent has now is from us. */
export function isOurChange({ set }: AgentState, current: AgentVoice): boolean {
  const standing = changeOf(current);
  return set.some((change) => isSame(change, standing));
}

export function isSame(one: Change, other: Change): boolean {
  return one.voice_id === other.voice_id && one.first_message_sha256 === other.first_message_sha256;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
