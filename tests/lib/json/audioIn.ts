import { membersOf } from '../../../src/lib/json/members.ts';
import { JsonReader } from '../../../src/lib/json/reader.ts';

/** The audio alone, where it may stand. */
export const AUDIO_MEMBERS = membersOf({ full_audio: 'audio', data: { full_audio: 'audio' } });

/** What the reader takes for audio in a text that grows by these pieces: the strings between their quotes, with one that does not end. */
export function audioIn(pieces: readonly Buffer[]): string[] {
  const reader = new JsonReader(AUDIO_MEMBERS);
  const found: string[] = [];
  let wasInAudio = false;
  const whole = Buffer.concat(pieces);
  let length = 0;
  for (const piece of pieces) {
    length += piece.length;
    const json = whole.subarray(0, length);
    while (reader.at < json.length) {
      // Byte by byte inside, to see where it ends.
      reader.read(reader.inAudio ? json.subarray(0, reader.at + 1) : json);
      if (reader.inAudio && !wasInAudio) found.push('');
      if (reader.inAudio) found[found.length - 1] = json.toString('latin1', reader.audioStart, reader.at);
      wasInAudio = reader.inAudio;
    }
  }
  return found;
}
