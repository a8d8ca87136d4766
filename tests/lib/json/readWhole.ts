import { isUtf8 } from 'node:buffer';
import type { JsonFacts } from '../../../src/lib/json/lift.ts';
import type { Members } from '../../../src/lib/json/members.ts';
import { JsonReader } from '../../../src/lib/json/reader.ts';

/** Reads a text that is there as a whole, through its audio, too. */
export function readWhole(json: Buffer, members: Members): JsonFacts {
  const reader = new JsonReader(members);
  while (reader.at < json.length) reader.read(json);
  const { isComplete, isAmbiguous, value } = reader;
  return { isJson: isComplete && isUtf8(json), isAmbiguous, value };
}
