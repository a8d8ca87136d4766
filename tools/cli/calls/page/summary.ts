import type { Call } from '../../../../src/lib/calls/call.ts';
import { isPart } from '../../../../src/lib/calls/listQuarantine.ts';
import type { CallSummary, StoredBlob } from '../../../page/api.ts';
import { callJson } from '../callJson.ts';

/** A call as a line of the list. */
export function summaryOf(call: Call): CallSummary {
  const { blobs: _, ...summary } = callJson(call);
  return summary;
}

/** What is stored of a call, each with its metadata. */
export function blobsOf({ blobs }: Call): StoredBlob[] {
  return blobs.map(({ container, name, form, bytes, storedAt, isBeside, metadata }) => ({
    blob: `${container}/${name}`,
    form,
    bytes,
    stored_at: storedAt.toISOString(),
    is_beside: isBeside,
    is_part: form === 'quarantine' && isPart(name),
    metadata,
  }));
}
