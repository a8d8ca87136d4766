import type { ElevenLabsClient } from '../elevenlabs/client.ts';
import { ElevenLabsError } from '../elevenlabs/errors.ts';
import type { Call } from '../elevenlabs/transport.ts';
import type { Log } from '../telemetry/log.ts';
import type { CallerDirectory } from './directory.ts';
import { isPast } from './record.ts';
import { forgetVoice } from './voices.ts';

export interface CallersSweep {
  readonly directory: CallerDirectory;
  /** Undefined without a key: then nobody knows which voices exist. */
  readonly elevenLabs: ElevenLabsClient | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const SWEEP_MS = 120_000;
/** Voices that a listing does not have are asked for one by one, so many in one run; the next run takes the next ones. */
const ASKED_FOR = 100;
const TURN_MS = 5 * 60_000;

/**
 * The sweep's part in the directory of callers: removes entries that have expired, and takes voices out of entries that
 * ElevenLabs has no longer, so that no call asks for one that is gone. Safe to run twice at once.
 */
export async function sweepCallers({ directory: all, elevenLabs, now }: CallersSweep, log: Log): Promise<void> {
  const signal = AbortSignal.timeout(SWEEP_MS);
  const directory = all.until(signal);
  const voices = new Map<string, string[]>();
  let expired = 0;
  for await (const { hash, voiceId, expiresAt } of directory.glances()) {
    if (isPast({ expires_at: expiresAt }, now())) {
      const { change } = await directory.change(hash, (entry) =>
        entry !== undefined && !('unusable' in entry) && isPast(entry, now()) ? 'remove' : 'leave',
      );
      if (change === 'remove') expired++;
    } else if (voiceId !== undefined) voices.set(voiceId, [...(voices.get(voiceId) ?? []), hash]);
  }
  if (expired > 0) log.write('INFO', 'callers', { outcome: 'expired', entries: expired });
  if (elevenLabs === undefined || voices.size === 0) return;
  try {
    for (const voiceId of turnOf(await unlistedVoices(elevenLabs, voices.keys(), { signal }), now())) {
      if (await exists(elevenLabs, voiceId, { signal })) continue;
      for (const hash of voices.get(voiceId) ?? []) {
        const isForgotten = await forgetVoice(directory, { hash, voiceId, now: now() });
        if (isForgotten) log.write('WARNING', 'callers', { outcome: 'voice gone', voice: voiceId, caller: hash });
      }
    }
  } catch (error) {
    if (!(error instanceof ElevenLabsError)) throw error;
    // A key for calls alone may not list voices: who deletes one at ElevenLabs then takes it out of the directory as well.
    const level = error.reason === 'missing_permission' ? 'DEBUG' : 'WARNING';
    log.write(level, 'callers', { outcome: 'voices not checked', hint: error.message });
  }
}

/** Shared ones need not be listed, and exist all the same. */
async function unlistedVoices(
  elevenLabs: ElevenLabsClient,
  voiceIds: Iterable<string>,
  call: Call,
): Promise<readonly string[]> {
  const unlisted = new Set(voiceIds);
  for await (const { voiceId } of elevenLabs.findVoices({}, call)) unlisted.delete(voiceId);
  return [...unlisted];
}

/** In turn, by the clock: nothing has to be remembered from run to run. */
function turnOf(voiceIds: readonly string[], now: number): readonly string[] {
  const turns = Math.max(1, Math.ceil(voiceIds.length / ASKED_FOR));
  const at = (Math.floor(now / TURN_MS) % turns) * ASKED_FOR;
  return voiceIds.slice(at, at + ASKED_FOR);
}

async function exists(elevenLabs: ElevenLabsClient, voiceId: string, call: Call): Promise<boolean> {
  try {
    await elevenLabs.getVoice(voiceId, call);
    return true;
  } catch (error) {
    if (error instanceof ElevenLabsError && error.reason === 'not_found') return false;
    throw error;
  }
}
