import { randomBytes } from 'node:crypto';
import type { PreCallApp } from '../support/preCallWorld.ts';
import { type Answer, send } from '../support/world.ts';
import { type Delivery, newRecording, newTranscript } from './deliveries.ts';

/** Other words or other sound under the ids of a genuine delivery: what somebody would send who knows all but the secret. */
export function forge({ event, call, bytes }: Delivery): Delivery {
  return event.endsWith('recording') ? newRecording(randomBytes(bytes.length), call) : newTranscript(call);
}

export function deliverForged({ world }: PreCallApp, delivery: Delivery, url = world.host.url): Promise<Answer> {
  const { body, chunkBytes } = delivery;
  const reached = { ...world, host: { ...world.host, url } };
  return send(reached, body, { secret: 'wsec_of_somebody_else', ...(chunkBytes === undefined ? {} : { chunkBytes }) });
}
