export interface RiffChunk {
  readonly id: string;
  readonly content: Uint8Array;
}

const FILE_HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 8;
const UNKNOWN_SIZE = 0xffff_ffff;
/** Files of editors have about twenty. */
const MAX_CHUNKS = 1000;

/**
 * The chunks of a WAV file in their order (Multimedia Programming Interface and Data Specifications 1.0, "RIFF"; for RF64 EBU Tech 3306).
 * The size of the whole is not read. A writer that does not know the length of its `data` leaves 0 or too much there: such a
 * chunk goes to the end of the file, unless it is empty and nothing but whole chunks follow it.
 */
export function riffChunks(bytes: Uint8Array): readonly RiffChunk[] {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const chunks: RiffChunk[] = [];
  let emptyData: { readonly index: number; readonly at: number } | undefined;
  let dataBytes: number | undefined;
  let at = FILE_HEADER_BYTES;
  while (at + CHUNK_HEADER_BYTES <= file.length && isId(file, at) && chunks.length < MAX_CHUNKS) {
    const id = file.toString('latin1', at, at + 4);
    const declared = file.readUInt32LE(at + 4);
    const size = id === 'data' && declared === UNKNOWN_SIZE ? (dataBytes ?? declared) : declared;
    at += CHUNK_HEADER_BYTES;
    if (id === 'data' && size === 0) emptyData ??= { index: chunks.length, at };
    if (id === 'ds64') dataBytes = dataBytesOf(file, at);
    chunks.push({ id, content: bytes.subarray(at, at + size) });
    at = nextChunk(file, at + size, size);
  }
  const isWhole = at > file.length - CHUNK_HEADER_BYTES && at <= file.length + 1;
  if (emptyData === undefined || isWhole) return chunks;
  return [...chunks.slice(0, emptyData.index), { id: 'data', content: bytes.subarray(emptyData.at) }];
}

/** A chunk of odd size is padded with a zero; some writers forget it. */
function nextChunk(file: Buffer, end: number, size: number): number {
  const isPadded = size % 2 === 1 && (file[end] === 0 || !isId(file, end));
  return isPadded ? end + 1 : end;
}

function isId(file: Buffer, at: number): boolean {
  return /^[ -~]{4}$/.test(file.toString('latin1', at, at + 4));
}

/** The size of the data in 64 bits; undefined when the file does not hold so much. */
function dataBytesOf(file: Buffer, ds64At: number): number | undefined {
  if (ds64At + 16 > file.length) return undefined;
  const size = Number(file.readBigUInt64LE(ds64At + 8));
  return size > 0 && size <= file.length ? size : undefined;
}
