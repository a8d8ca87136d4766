import type { UsualCauses } from '../errors.ts';

/** ElevenLabs sends: what the operator can do is there, in this app's settings, or in between. */
export const USUAL_CAUSES: UsualCauses = {
  signature_missing:
    'Usual causes: the sender is not ElevenLabs, the webhook was created without HMAC, or a proxy drops the header.',
  signature_malformed: 'Usual cause: the sender is not ElevenLabs.',
  signature_mismatch:
    'Usual causes: the secret of another webhook, a secret that was replaced, or a proxy that changes or re-encodes the body.',
  timestamp_too_old:
    'Usual causes: a delivery held up or replayed on its way, a clock that is off, or a tolerance shorter than the retry ' +
    'schedule.',
  timestamp_in_future: 'Usual cause: the clock of this machine or of the sender is off.',
  body_too_large:
    'Raise FUNCTIONS_REQUEST_BODY_SIZE_LIMIT (at most 210 MB on Azure) and fetch this recording through the ElevenLabs API; ' +
    'audio is not sent again.',
};
