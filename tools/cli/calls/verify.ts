import { verifyStored } from '../../../src/lib/calls/verifyStored.ts';
import { note, paint, printJson, progress, readableSize } from '../../command/output.ts';
import type { StorageAccess } from '../storageAccess.ts';
import type { CallValues } from './options.ts';
import { readTime } from './times.ts';

/** Reads what is stored and says what is not as it was received. */
export async function verifyCalls(access: StorageAccess, values: CallValues): Promise<number> {
  const { storage, areas } = access;
  const storedSince =
    values.since === undefined ? undefined : readTime(values.since, { isUtc: values.utc, now: Date.now() });
  const counts = { same: 0, differs: 0, unknown: 0 };
  let bytes = 0;
  for await (const verified of verifyStored(storage, areas, { storedSince })) {
    counts[verified.result]++;
    bytes += verified.bytes;
    progress(`${counts.same} read, ${readableSize(bytes)}`);
    if (verified.result === 'differs') {
      progress('');
      if (values.json) printJson({ blob: verified.blob, result: verified.result });
      else console.log(`${paint('red', 'differs')}    ${verified.blob}`);
    }
  }
  progress('');
  const summary = { ...counts, bytes };
  if (values.json) printJson({ summary });
  else console.log(`${counts.same} as received (${readableSize(bytes)}), ${counts.differs} that differ`);
  if (counts.unknown > 0 && !values.json)
    note(`${counts.unknown} have no sha256 in their metadata, and were not read.`);
  return counts.differs === 0 ? 0 : 1;
}
