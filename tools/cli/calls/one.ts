import type { Call } from '../../../src/lib/calls/call.ts';
import { describeCall } from '../../../src/lib/calls/describeCall.ts';
import { findStored, listCalls } from '../../../src/lib/calls/listCalls.ts';
import { Failure } from '../../command/errors.ts';
import type { StorageAccess } from '../storageAccess.ts';
import { isShortened } from './options.ts';

const MOST_SHOWN = 10;

/**
 * The id of the stored conversation that is meant; one that is not shortened stays as it is.
 *
 * @throws Failure when none or several are stored whose ids begin and end so.
 */
export async function wholeId({ storage, areas, name }: StorageAccess, given: string): Promise<string> {
  if (!isShortened(given)) return given;
  const [start = '', end = ''] = given.split('…');
  const found = new Set<string>();
  for await (const { conversationId } of listCalls(storage, areas)) {
    const isLong = conversationId.length >= start.length + end.length;
    if (isLong && conversationId.startsWith(start) && conversationId.endsWith(end)) found.add(conversationId);
  }
  const [first, ...others] = found;
  if (first === undefined) throw new Failure(`Nothing is stored of ${given} (${name}).`);
  if (others.length === 0) return first;
  const shown = [...found].slice(0, MOST_SHOWN).join('\n  ');
  const more = found.size > MOST_SHOWN ? `\n  and ${found.size - MOST_SHOWN} more` : '';
  throw new Failure(`${given} may be any of these:\n  ${shown}${more}`);
}

/** @throws Failure when nothing is stored of the conversation, or when agents share its id. */
export async function oneCall(
  { storage, areas, name }: StorageAccess,
  conversationId: string,
  agentId: string | undefined,
): Promise<Call> {
  const [first, ...others] = await findStored(storage, areas, { conversationId, agentId });
  if (first === undefined) throw new Failure(`Nothing is stored of ${conversationId} (${name}).`);
  if (others.length > 0) {
    const agents = [first, ...others].map((call) => call.agentId);
    throw new Failure(`${conversationId} is stored of several agents; --agent chooses one: ${agents.join(', ')}`);
  }
  return describeCall(storage, first);
}
