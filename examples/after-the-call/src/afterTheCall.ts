import type { Calls } from './calls.ts';
import { handOn } from './handOn.ts';
import { onceForCall } from './onceForCall.ts';
import { readTranscript } from './readTranscript.ts';
import type { Settings } from './settings.ts';
import { storedCallIn } from './storedCall.ts';
import { summaryOf } from './summary.ts';

/** What became of a message. All of these are done: the queue drops it. */
export type Outcome =
  | 'handed-on'
  /** Another message of this call was handed on before. */
  | 'handed-on-before'
  /** The transcript is not there any more, or the call was erased. */
  | 'gone'
  /** A recording, a failed call, another form of the transcript, or a second body beside the first. */
  | 'passed-over';

/**
 * One message of the queue `stored-calls`: reads the stored transcript and hands its summary on, once for each call.
 *
 * Throws when the call could not be handed on now. The message then comes again, and goes to the poison queue after the
 * fifth time.
 */
export async function afterTheCall(
  message: unknown,
  { settings, calls }: { settings: Settings; calls: Calls },
): Promise<{ outcome: Outcome; conversationId?: string }> {
  const call = storedCallIn(message, settings.transcriptPath);
  if (call === undefined) return { outcome: 'passed-over' };
  const { conversationId } = call;

  const transcript = await readTranscript(calls.container(call.container).getBlobClient(call.name));
  if (transcript === undefined) return { outcome: 'gone', conversationId };

  const isFirst = await onceForCall(calls.markers, conversationId, () =>
    handOn(settings.receiver, summaryOf(transcript, call)),
  );
  return { outcome: isFirst ? 'handed-on' : 'handed-on-before', conversationId };
}
