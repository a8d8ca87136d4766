import { Readable } from 'node:stream';

type Piece = string | Uint8Array;

/** A request body that gives these pieces, one by one, and ends. */
export function bodyOf(...pieces: readonly Piece[]): Readable {
  return Readable.from(pieces.map((piece) => Buffer.from(piece)));
}

/** A request body whose sender stops sending after these pieces, without ending it. */
export function stalledAfter(...pieces: readonly Piece[]): Readable {
  return after(pieces, () => {});
}

/** A request body whose connection breaks after these pieces. */
export function brokenAfter(...pieces: readonly Piece[]): Readable {
  return after(pieces, (body) => body.destroy(new Error('aborted'))).on('error', () => {});
}

function after(pieces: readonly Piece[], then: (body: Readable) => void): Readable {
  const left = [...pieces];
  return new Readable({
    objectMode: true, // so that pieces are not joined
    highWaterMark: 1,
    read() {
      const piece = left.shift();
      if (piece === undefined) then(this);
      else this.push(Buffer.from(piece));
    },
  });
}
