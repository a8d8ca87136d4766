/** A stack of booleans, a bit each: 16 MiB of nothing but brackets take 2 MiB. */
export class Bits {
  #bytes = new Uint8Array(64);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(bit: boolean): void {
    const index = this.#length >> 3;
    if (index === this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    const mask = 1 << (this.#length & 7);
    const byte = this.#bytes[index] as number; // there is room
    this.#bytes[index] = bit ? byte | mask : byte & ~mask;
    this.#length++;
  }

  pop(): boolean {
    this.#length--;
    return ((this.#bytes[this.#length >> 3] as number) & (1 << (this.#length & 7))) !== 0;
  }
}
