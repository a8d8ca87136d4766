/** A page whose checksum is right. */
export interface OggPage {
  readonly serial: number;
  readonly sequence: number;
  /** Begins with the rest of a packet of the page before. */
  readonly isContinued: boolean;
  /** Begins a logical stream. */
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** Where its last whole packet ends, in samples; undefined when none ends in it. What muxers write here is often wrong. */
  readonly position: number | undefined;
  /** Lengths of the pieces of `content`; one of less than 255 ends a packet. */
  readonly lacing: Uint8Array;
  readonly content: Uint8Array;
}

const CAPTURE = 'OggS';
const HEADER_BYTES = 27;
const CHECKSUM_AT = 22;
const CHECKSUM_BYTES = 4;
const NO_POSITION = -1n;

/** The pages of an Ogg file in their order (RFC 3533 §6). Damaged ones are left out, and the next sound one is looked for. */
export function* oggPages(bytes: Uint8Array): Generator<OggPage> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = file.indexOf(CAPTURE);
  while (at !== -1) {
    const page = oggPageAt(file, at);
    const isSound = page !== undefined && checksumOf(page.bytes) === page.bytes.readUInt32LE(CHECKSUM_AT);
    if (isSound) yield page;
    at = file.indexOf(CAPTURE, isSound ? at + page.bytes.length : at + 1);
  }
}

/** The page at `at` without a look at its checksum; undefined when there is none, or not all of it. */
export function oggPageAt(file: Buffer, at: number): (OggPage & { readonly bytes: Buffer }) | undefined {
  if (file.toString('latin1', at, at + 4) !== CAPTURE || at + HEADER_BYTES > file.length) return undefined;
  const contentAt = at + HEADER_BYTES + file.readUInt8(at + 26);
  const lacing = file.subarray(at + HEADER_BYTES, contentAt);
  const end = lacing.reduce((sum, length) => sum + length, contentAt);
  if (end > file.length) return undefined;
  const flags = file.readUInt8(at + 5);
  const position = file.readBigInt64LE(at + 6);
  return {
    serial: file.readUInt32LE(at + 14),
    sequence: file.readUInt32LE(at + 18),
    isContinued: (flags & 1) !== 0,
    isFirst: (flags & 2) !== 0,
    isLast: (flags & 4) !== 0,
    position: position === NO_POSITION ? undefined : Number(position),
    lacing,
    content: file.subarray(contentAt, end),
    bytes: file.subarray(at, end),
  };
}

const CHECKSUMS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let checksum = byte << 24;
  for (let bit = 0; bit < 8; bit++) checksum = (checksum << 1) ^ (checksum < 0 ? 0x04c11db7 : 0);
  return checksum;
});

/** Not the CRC-32 of zlib: the bits are in the other order. Its own place in the page counts as zero. */
function checksumOf(page: Buffer): number {
  let checksum = 0;
  for (let at = 0; at < page.length; at++) {
    const isOwnPlace = at >= CHECKSUM_AT && at < CHECKSUM_AT + CHECKSUM_BYTES;
    const byte = isOwnPlace ? 0 : (page[at] ?? 0);
    checksum = (checksum << 8) ^ (CHECKSUMS[(checksum >>> 24) ^ byte] ?? 0);
  }
  return checksum >>> 0;
}
