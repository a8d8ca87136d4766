import { oggPages } from '../../../../src/lib/preCall/sample/oggPages.ts';
import { joined } from './wavFile.ts';

/** What a page says; its checksum is made to fit. */
export interface Page {
  readonly content: Uint8Array;
  readonly lacing: Uint8Array;
  readonly serial?: number;
  readonly sequence?: number;
  readonly position?: number | undefined;
  readonly isContinued?: boolean;
  readonly isFirst?: boolean;
  readonly isLast?: boolean;
}

export function oggFile(pages: readonly Page[]): Uint8Array {
  return joined(...pages.map(pageBytes));
}

/** The pages of a file, for writing it anew with other ones. */
export function pagesOf(bytes: Uint8Array): Page[] {
  return [...oggPages(bytes)];
}

/** The same pages with something else in them. */
export function changed(bytes: Uint8Array, change: (page: Page, index: number) => Partial<Page>): Uint8Array {
  return oggFile(pagesOf(bytes).map((page, index) => ({ ...page, ...change(page, index) })));
}

/** Packets in pages of so many lacing values at most, so that packets go on from page to page; `positions` says where each packet ends. */
export function paged(
  packets: readonly Uint8Array[],
  { serial = 1, segments = 255, positions = [] as readonly number[] } = {},
): Page[] {
  const pieces = packets.flatMap((packet, index) => {
    const count = Math.floor(packet.length / 255) + 1;
    return Array.from({ length: count }, (_, at) => ({
      content: packet.subarray(at * 255, (at + 1) * 255),
      ends: at === count - 1 ? index : undefined,
      begins: at === 0,
    }));
  });
  const pages: Page[] = [];
  for (let at = 0; at < pieces.length; ) {
    // The first packet has a page of its own.
    const part = pieces.slice(at, at + (at === 0 ? 1 : segments));
    const last = part.findLast(({ ends }) => ends !== undefined)?.ends;
    pages.push({
      serial,
      sequence: pages.length,
      isFirst: at === 0,
      isContinued: part[0]?.begins === false,
      isLast: at + part.length === pieces.length,
      position: last === undefined ? undefined : positions[last],
      lacing: Uint8Array.from(part, ({ content }) => content.length),
      content: joined(...part.map(({ content }) => content)),
    });
    at += part.length;
  }
  return pages;
}

function pageBytes({
  content,
  lacing,
  serial = 1,
  sequence = 0,
  position,
  isContinued = false,
  isFirst = false,
  isLast = false,
}: Page): Uint8Array {
  const header = Buffer.alloc(27);
  header.write('OggS');
  header[5] = Number(isContinued) + 2 * Number(isFirst) + 4 * Number(isLast);
  header.writeBigInt64LE(BigInt(position ?? -1), 6);
  header.writeUInt32LE(serial, 14);
  header.writeUInt32LE(sequence, 18);
  header[26] = lacing.length;
  const page = Buffer.from(joined(header, lacing, content));
  page.writeUInt32LE(checksumOf(page), 22);
  return page;
}

/** Bit by bit, as RFC 3533 §6 has it. */
function checksumOf(page: Uint8Array): number {
  let checksum = 0;
  for (const byte of page) {
    checksum ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) checksum = (checksum << 1) ^ (checksum < 0 ? 0x04c11db7 : 0);
  }
  return checksum >>> 0;
}
