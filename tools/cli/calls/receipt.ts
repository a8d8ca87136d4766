import type { Erased } from '../../../src/lib/calls/eraseCalls.ts';
import type { StorageAccess } from '../storageAccess.ts';

interface Result extends Erased {
  readonly looseVoicesLeft: readonly string[];
  readonly withoutNumber: number;
  readonly at: Date;
}

/** Ids, counts and times, and what remains until when: nothing by which a caller could be known again. */
export function receiptOf({ name }: Pick<StorageAccess, 'name'>, result: Result) {
  return {
    erased_at: result.at.toISOString(),
    storage: name,
    conversations: result.erasures.map((erasure) => ({
      conversation_id: erasure.conversation_id,
      agent_ids: erasure.agent_ids,
      requested_at: erasure.requested_at,
      finished_at: erasure.finished_at,
      left: result.left
        .filter(({ conversationId }) => conversationId === erasure.conversation_id)
        .map(({ step, reason }) => ({ step, reason })),
    })),
    deleted_blobs: result.deletedBlobs,
    clones_left: result.looseVoicesLeft,
    calls_without_a_known_number: result.withoutNumber,
    remains: [
      'Blobs that were deleted can be restored until the soft delete of the account and of its containers has passed (14 days as deployed).',
      'Log lines with ids (no number, no name, no text) stay until the retention of Application Insights has passed.',
      'Messages about stored events stay in queues until they are read or expire.',
      'Versions of an agent at ElevenLabs may hold a greeting with the name.',
      'Tombstones and the record of the erasure stay: ids and times.',
    ],
  };
}
