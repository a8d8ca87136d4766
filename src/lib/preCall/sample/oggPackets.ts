import type { OggPage } from './oggPages.ts';

/** Puts the packets of one logical stream together, which may go on over many pages (RFC 3533 §5). */
export class OggPackets {
  #begun: Uint8Array[] = [];
  #sequence: number | undefined;

  /** The packets that end in the page. What a lost page has a part of is left out, as by libogg. */
  take({ isContinued, sequence, lacing, content }: OggPage): Uint8Array[] {
    const isNext = this.#sequence === undefined || sequence === this.#sequence + 1;
    this.#sequence = sequence;
    if (!isContinued || !isNext) this.#begun = [];
    let isOrphan = isContinued && this.#begun.length === 0;
    const packets: Uint8Array[] = [];
    let start = 0;
    let end = 0;
    for (const length of lacing) {
      end += length;
      if (length === 255) continue;
      if (!isOrphan) packets.push(this.#whole(content.subarray(start, end)));
      isOrphan = false;
      start = end;
    }
    if (start < end && !isOrphan) this.#begun.push(content.subarray(start, end));
    return packets;
  }

  #whole(last: Uint8Array): Uint8Array {
    const parts = [...this.#begun, last];
    this.#begun = [];
    return parts.length === 1 ? last : Buffer.concat(parts);
  }
}
