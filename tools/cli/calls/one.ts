import type { Call } from '../../../src/lib/calls/call.ts';
import { describeCall } from '../../../src/lib/calls/describeCall.ts';
import { findStored } from '../../../src/lib/calls/listCalls.ts';
import { Failure } from '../../command/errors.ts';
import type { StorageAccess } from '../storageAccess.ts';

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
