export interface ByteRange {
  readonly first: number;
  readonly length: number;
}

/**
 * The part of a body of so many bytes that a `Range` header asks for; undefined when all of it is to be sent: without the header,
 * with several ranges or what is not one (RFC 9110 section 14.2 lets a server ignore it). `outside` when there is no such part.
 */
export function readRange(header: string | undefined, bytes: number): ByteRange | 'outside' | undefined {
  const [, from, to] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined;
  const first = from === '' ? Math.max(0, bytes - Number(to)) : Number(from);
  const last = from === '' || to === '' ? bytes - 1 : Math.min(Number(to), bytes - 1);
  if (from !== '' && to !== '' && Number(to) < first) return undefined;
  return first > last ? 'outside' : { first, length: last - first + 1 };
}
