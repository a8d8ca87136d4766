/** A request body that can be walked any number of times, with the same bytes each time and little memory. */
export interface Body {
  bytes: number;
  chunks(): Iterable<Uint8Array>;
}

/** A body that is in memory anyway. */
export function bodyOf(content: Uint8Array): Body {
  return { bytes: content.length, chunks: () => [content] };
}

/** The same body with one bit of its middle byte turned over. */
export function tampered(body: Body): Body {
  const target = Math.floor(body.bytes / 2);
  return {
    bytes: body.bytes,
    *chunks() {
      let offset = 0;
      for (const chunk of body.chunks()) {
        yield target >= offset && target < offset + chunk.length ? flipped(chunk, target - offset) : chunk;
        offset += chunk.length;
      }
    },
  };
}

function flipped(chunk: Uint8Array, index: number): Uint8Array {
  return chunk.map((byte, at) => (at === index ? byte ^ 1 : byte));
}
