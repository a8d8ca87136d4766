import type { Genuine, SignedBody } from '../signature/signedBody.ts';
import type { FromStorage } from '../storage/proof.ts';

/** A body whose end proves where it comes from: from a sender who has signed it, or from quarantine. */
export interface ProvenBody
  extends AsyncIterable<Uint8Array>,
    Pick<SignedBody, 'deadline' | 'expectedBytes' | 'cutOff'> {
  /** @throws {Error} when the iteration has not ended normally: a mistake in the calling code. */
  proof(): Genuine | FromStorage;
}
