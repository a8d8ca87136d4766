import type { Genuine } from '../signature/signedBody.ts';
import type { Kept } from '../storage/keepOnce.ts';
import type { FromStorage } from '../storage/proof.ts';
import type { EventFacts, QuarantineReason } from './classify.ts';

/** Where the bytes of a delivery come from. */
export type Provenance = Genuine | FromStorage;

/** What became of a genuine delivery. All of it is durable. */
export type Outcome = { readonly facts: EventFacts; readonly genuine: Provenance; readonly audioBytes?: number } & (
  | { readonly kind: Exclude<Kept['kind'], 'erased'>; readonly blob: string }
  /** Nothing is kept: switched off by a setting, asked only whether the webhook works, or of a call that was erased. */
  | { readonly kind: NotKept }
  | {
      readonly kind: 'quarantined';
      readonly reason: QuarantineReason;
      readonly blob: string;
      readonly isRepeated: boolean;
    }
);

export type NotKept = 'off' | 'check' | 'erased';
