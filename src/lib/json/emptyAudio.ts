import type { Members } from './members.ts';
import { JsonReader } from './reader.ts';

const QUOTE = 0x22;

/** Where in an envelope the string of an audio is empty, as it is once its audio was lifted out: the index of its closing quote. */
export function emptyAudiosIn(envelope: Buffer, members: Members): number[] {
  const reader = new JsonReader(members);
  const found: number[] = [];
  while (reader.at < envelope.length) {
    reader.read(envelope);
    if (reader.inAudio && envelope[reader.audioStart] === QUOTE) found.push(reader.audioStart);
  }
  return found;
}
