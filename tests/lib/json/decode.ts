import { Base64StringDecoder } from '../../../src/lib/json/base64.ts';
import { CollectingSink } from './collectingSink.ts';

export interface Decoded {
  readonly state: Base64StringDecoder['state'];
  /** What came out, as latin1 text. */
  readonly audio: string;
  /** What could not be decoded, and what was not read any more. */
  readonly undecoded: string;
  readonly unread: string;
}

/** Decodes the pieces until the text ends or breaks. */
export function decode(pieces: readonly Buffer[], blockBytes = 30): Decoded {
  const sink = new CollectingSink(blockBytes);
  const decoder = new Base64StringDecoder(sink);
  const unread: Buffer[] = [];
  for (const piece of pieces) {
    let at = 0;
    while (at < piece.length && decoder.state === 'open') {
      if (sink.block === undefined) sink.provide();
      const next = decoder.write(piece, at);
      if (next === at) throw new Error('The decoder stands still.');
      at = next;
    }
    unread.push(piece.subarray(at));
  }
  return {
    state: decoder.state,
    audio: sink.bytes.toString('latin1'),
    undecoded: decoder.undecoded.toString('latin1'),
    unread: Buffer.concat(unread).toString('latin1'),
  };
}
