import type { Genuine } from '../signature/signedBody.ts';
import type { DeliveryMetadata } from '../storage/keepOnce.ts';
import type { FromStorage } from '../storage/proof.ts';
import type { EventFacts } from './classify.ts';

/** What the metadata of every blob of a delivery says; docs/reference.md, Metadata. */
export function deliveryMetadata(
  { id, receivedAt }: { readonly id: string; readonly receivedAt: Date },
  { signedAtSeconds, secretPosition }: Genuine | FromStorage,
  facts: EventFacts,
): DeliveryMetadata {
  return {
    delivery_id: id,
    received_at: receivedAt.toISOString(),
    signature_timestamp: String(signedAtSeconds),
    secret_position: String(secretPosition),
    ...(facts.type === undefined ? {} : { event_type: facts.type }),
    ...(facts.isInferred ? { event_type_inferred: 'true' } : {}),
    ...(facts.timestampSeconds === undefined ? {} : { event_timestamp: String(facts.timestampSeconds) }),
    ...(facts.agentId === undefined ? {} : { agent_id: facts.agentId }),
    ...(facts.conversationId === undefined ? {} : { conversation_id: facts.conversationId }),
  };
}
