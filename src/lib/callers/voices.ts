import type { CallerDirectory } from './directory.ts';
import type { CallerRecord } from './record.ts';

/** The voices that entries of the directory name, each with the hashes of those entries. */
export async function voicesOf(directory: CallerDirectory): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for await (const { hash, voiceId } of directory.glances()) {
    if (voiceId !== undefined) found.set(voiceId, [...(found.get(voiceId) ?? []), hash]);
  }
  return found;
}

/**
 * Takes voices out of all entries that name them: before they are deleted, so that no call asks for one that is gone.
 *
 * @returns how many entries have lost theirs.
 */
export async function forgetVoices(
  directory: CallerDirectory,
  voiceIds: ReadonlySet<string>,
  now: number,
): Promise<number> {
  if (voiceIds.size === 0) return 0;
  let lost = 0;
  for await (const { hash, voiceId } of directory.glances()) {
    if (voiceId === undefined || !voiceIds.has(voiceId)) continue;
    if (await forgetVoice(directory, { hash, voiceId, now })) lost++;
  }
  return lost;
}

/** Takes a voice out of one entry; false when it names another one by now. */
export async function forgetVoice(
  directory: CallerDirectory,
  { hash, voiceId, now }: { readonly hash: string; readonly voiceId: string; readonly now: number },
): Promise<boolean> {
  const { change } = await directory.change(hash, (before) => {
    if (before === undefined || 'unusable' in before || before.voice_id !== voiceId) return 'leave';
    const { voice_id: _gone, ...others } = before;
    return { ...others, updated_at: new Date(now).toISOString() } satisfies CallerRecord;
  });
  return change !== 'leave';
}
