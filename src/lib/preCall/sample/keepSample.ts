import type { Genuine } from '../../signature/signedBody.ts';
import { isAlreadyThere } from '../../storage/blobStorage.ts';
import type { PreCallContext, Work } from '../context.ts';
import type { PreCallRequest } from '../request/request.ts';
import type { Sample } from './sample.ts';

interface ReceivedSample {
  readonly request: PreCallRequest;
  readonly sample: Sample;
  /** Of the bytes as received. */
  readonly sha256: string;
}

/**
 * Keeps the sample as received, once, when that is switched on: `<path>/<agent>/<conversation>.<hash>.<extension>`. Only of
 * a voice that was cloned; a caller is not turned away because it could not be kept.
 */
export async function keepSample(
  _proof: Genuine,
  context: PreCallContext,
  work: Work,
  { request, sample, sha256 }: ReceivedSample,
): Promise<void> {
  const { agentId, conversationId, sample: bytes } = request;
  const { storesSamples, samplePath } = context.settings;
  if (!storesSamples) return;
  const name = `${samplePath.prefix}${agentId}/${conversationId}.${sha256.slice(0, 32)}.${sample.extension}`;
  try {
    await context.storage.attempt(
      samplePath.container,
      (container, abortSignal) =>
        container.getBlockBlobClient(name).upload(bytes, bytes.length, {
          abortSignal,
          blobHTTPHeaders: { blobContentType: sample.contentType },
          conditions: { ifNoneMatch: '*' },
          metadata: { sha256, agent_id: agentId, conversation_id: conversationId, delivery_id: work.id },
        }),
      { signal: work.signal },
    );
  } catch (error) {
    if (isAlreadyThere(error)) return;
    const hint = error instanceof Error ? error.message : String(error);
    work.log.write('WARNING', 'sample', { outcome: 'not kept', conversation: conversationId, agent: agentId, hint });
  }
}
