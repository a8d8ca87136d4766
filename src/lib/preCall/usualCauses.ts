import type { UsualCauses } from '../errors.ts';

/** What helps against a body over the limit, for sender and operator. */
export const SMALLER_BODY =
  'Send a shorter sample (10 s is plenty), MP3 or OGG instead of WAV, or the form, which is a third smaller than base64.';

/** The telephone switch sends: the cause is in its signing code, or between its settings and this app's. */
export const USUAL_CAUSES: UsualCauses = {
  signature_missing:
    'Usual causes: the switch does not sign the request, gives the header another name than elevenlabs-signature, or a ' +
    'proxy drops it. ElevenLabs does not call this endpoint.',
  signature_malformed:
    'Check the signing code of the switch: the header has t in Unix seconds and v0 in 64 hex digits, and nothing else.',
  signature_mismatch:
    'Check the signing code of the switch. Usual causes: another secret than ELEVENLABS_PRECALL_WEBHOOK_SECRET (without ' +
    'it, ELEVENLABS_WEBHOOK_SECRET), a line break at the end of the secret, or other bytes signed than sent. All of the body ' +
    'is signed; in a form, that includes the boundaries and the sample.',
  timestamp_too_old:
    'Usual causes: t in the code of the switch is not the time of sending, a retry without a fresh signature, or a clock ' +
    'that is off.',
  timestamp_in_future:
    'Usual causes: t in milliseconds instead of seconds, or the clock of the switch or of this machine.',
  body_too_large: `Pre-call takes at most 15 MiB, or FUNCTIONS_REQUEST_BODY_SIZE_LIMIT less 64 KiB where that is smaller. ${SMALLER_BODY}`,
};
