import { describing } from '../../../../src/lib/calls/call.ts';
import { dataOf, describeCall, readBody } from '../../../../src/lib/calls/describeCall.ts';
import { findStored } from '../../../../src/lib/calls/listCalls.ts';
import type { CallPage } from '../../../page/api.ts';
import type { StorageAccess } from '../../storageAccess.ts';
import { readTranscript } from '../transcript.ts';
import { PageError } from './pageError.ts';
import { blobsOf, summaryOf } from './summary.ts';

/** One call with what was said, or why it failed. @throws PageError 404 when nothing is stored of it (any more). */
export async function callPage(
  { storage, areas }: StorageAccess,
  ids: { readonly agentId: string; readonly conversationId: string },
): Promise<CallPage> {
  const [stored] = await findStored(storage, areas, ids);
  if (stored === undefined) throw new PageError(404, 'Nothing is stored of this call (any more).');
  const call = await describeCall(storage, stored);
  const blob = describing(call.blobs);
  const isReadable = blob?.form === 'transcript' || blob?.form === 'failure';
  const data = isReadable ? dataOf(await readBody(storage, blob)) : undefined;
  return {
    ...summaryOf(call),
    blobs: blobsOf(call),
    transcript: data !== undefined && blob?.form === 'transcript' ? readTranscript(data) : null,
    failure: blob?.form === 'failure' && isRecord(data) ? data : null,
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
