/** A request body that gives these pieces and ends. */
export function bodyOf(...pieces: readonly (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(Buffer.from(piece));
      controller.close();
    },
  });
}

/** A request body whose sender stops sending after these pieces, without ending it. */
export function stalledAfter(...pieces: readonly string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(Buffer.from(piece));
    },
  });
}

/** A request body whose connection breaks after these pieces. */
export function brokenAfter(...pieces: readonly string[]): ReadableStream<Uint8Array> {
  const left = [...pieces];
  return new ReadableStream({
    pull(controller) {
      const piece = left.shift();
      if (piece === undefined) controller.error(new Error('aborted'));
      else controller.enqueue(Buffer.from(piece));
    },
  });
}
