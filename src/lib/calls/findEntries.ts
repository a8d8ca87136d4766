import { hashOfNumber } from '../callers/callerKey.ts';
import { listBlobs } from '../storage/listBlobs.ts';
import { directoryOf } from './eraseClones.ts';
import type { EraseContext } from './eraseContext.ts';
import type { ErasureRequest } from './erasureRequest.ts';

type Where = Pick<EraseContext, 'storage' | 'areas' | 'now'>;

/** Of these hashes, or beginnings of them, those that have an entry in the directory of callers. */
export async function directoryEntries(
  { storage, areas }: Pick<Where, 'storage' | 'areas'>,
  hashes: readonly string[],
): Promise<string[]> {
  const { container, prefix } = areas.callers;
  const found: string[] = [];
  for (const hash of new Set(hashes)) {
    for await (const { name } of listBlobs(storage, { container, prefix: prefix + hash })) {
      found.push(name.slice(prefix.length).split('.', 1)[0] ?? '');
    }
  }
  return [...new Set(found)];
}

/** Entries that are found without a call: by the number, or because pre-call wrote them and they name the voice that is to go. */
export async function entriesWithoutCall(
  context: Where,
  request: ErasureRequest,
  key: Buffer | undefined,
): Promise<string[]> {
  if ('number' in request)
    return key === undefined ? [] : directoryEntries(context, [hashOfNumber(key, request.number)]);
  if (!('voiceId' in request)) return [];
  const directory = directoryOf(context);
  const found: string[] = [];
  for await (const { hash, voiceId } of directory.glances()) {
    if (voiceId !== request.voiceId) continue;
    const entry = await directory.get(hash);
    if (entry !== undefined && !('unusable' in entry) && entry.source === 'pre-call') found.push(hash);
  }
  return found;
}
