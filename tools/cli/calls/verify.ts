import { withAgents } from '../../../src/lib/calls/agentsOfErasure.ts';
import { findReturned } from '../../../src/lib/calls/eraseBlobs.ts';
import { eraseCalls } from '../../../src/lib/calls/eraseCalls.ts';
import { type Erasure, listErasures, readErasure } from '../../../src/lib/calls/erasureRecord.ts';
import { verifyStored } from '../../../src/lib/calls/verifyStored.ts';
import { note, paint, printJson, progress, readableSize } from '../../command/output.ts';
import type { StorageAccess } from '../storageAccess.ts';
import { eraseContext } from './eraseContext.ts';
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
  const returned = await checkErased(access, values);
  const summary = { ...counts, bytes, returned: returned.found, erased_again: returned.erasedAgain };
  if (values.json) printJson({ summary });
  else console.log(`${counts.same} as received (${readableSize(bytes)}), ${counts.differs} that differ`);
  if (counts.unknown > 0 && !values.json)
    note(`${counts.unknown} have no sha256 in their metadata, and were not read.`);
  return counts.differs === 0 && returned.found === returned.erasedAgain ? 0 : 1;
}

/** Whether something is stored of calls that were erased; with --repair it is erased again. */
async function checkErased(access: StorageAccess, values: CallValues): Promise<{ found: number; erasedAgain: number }> {
  const { storage, areas } = access;
  const state = { storage, path: areas.state };
  const written: Erasure[] = [];
  for await (const { conversationId } of listErasures(state)) {
    const erasure = await readErasure(state, conversationId);
    if (erasure !== undefined) written.push(erasure);
  }
  const erasures = await withAgents(storage, areas, written);
  const returned = erasures.length === 0 ? [] : await findReturned(storage, areas, erasures);
  for (const { blob } of returned) {
    if (values.json) printJson({ blob, result: 'came back' });
    else console.log(`${paint('red', 'came back')}  ${blob}`);
  }
  if (!values.repair || returned.length === 0) return { found: returned.length, erasedAgain: 0 };
  const ids = new Set(returned.map(({ conversationId }) => conversationId));
  await eraseCalls(
    eraseContext(access),
    erasures.filter(({ conversation_id }) => ids.has(conversation_id)),
  );
  return { found: returned.length, erasedAgain: returned.length };
}
