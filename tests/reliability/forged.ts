import { randomBytes } from 'node:crypto';
import { type Answer, send } from '../support/context.ts';
import type { PreCallApp } from '../support/preCallContext.ts';
import { type Delivery, newRecording, newTranscript } from './deliveries.ts';

/** Other words or other sound under the ids of a genuine delivery: what somebody would send who knows all but the secret. */
export function forge({ event, call, bytes }: Delivery): Delivery {
  return event.endsWith('recording') ? newRecording(randomBytes(bytes.length), call) : newTranscript(call);
}

export function deliverForged({ context }: PreCallApp, delivery: Delivery, url = context.host.url): Promise<Answer> {
  const { body, chunkBytes } = delivery;
  const reached = { ...context, host: { ...context.host, url } };
  return send(reached, body, { secret: 'wsec_of_somebody_else', ...(chunkBytes === undefined ? {} : { chunkBytes }) });
}
