import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addConversation, type NewConversation } from './conversations.ts';
import { type ElevenLabsState, newId } from './state.ts';

/** A call that can be written down: its recording is made up. */
export interface KeptCall extends Omit<NewConversation, 'audio'> {
  readonly conversationId: string;
  readonly startedAt: number;
}

const TWO_HOURS = 7_200;
const FILE = /^(conv_[A-Za-z0-9_-]+)\.json$/;

/**
 * Makes a call at a stand-in that keeps its calls in this folder, whether it runs or not. It began two hours ago, so that no
 * webhook can be expected any more.
 */
export function keepCall(folder: string, call: Omit<NewConversation, 'audio'>): KeptCall {
  const kept = {
    startedAt: Math.floor(Date.now() / 1000) - TWO_HOURS,
    ...call,
    conversationId: call.conversationId ?? `conv_${newId(16)}`,
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${kept.conversationId}.json`), JSON.stringify(kept));
  return kept;
}

/** Adds the calls of the folder that the stand-in does not know yet. */
export function loadKeptCalls(state: ElevenLabsState, folder: string): void {
  for (const id of idsIn(folder)) {
    if (state.conversations.has(id)) continue;
    addConversation(state, JSON.parse(readFileSync(join(folder, `${id}.json`), 'utf8')) as KeptCall); // as keepCall writes it
  }
}

export function forgetKeptCall(folder: string, conversationId: string): void {
  if (FILE.test(`${conversationId}.json`)) rmSync(join(folder, `${conversationId}.json`), { force: true });
}

function idsIn(folder: string): string[] {
  try {
    return readdirSync(folder).flatMap((name) => FILE.exec(name)?.[1] ?? []);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
