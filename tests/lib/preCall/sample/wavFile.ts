/** How a WAV file is written; what is left out is right. */
export interface WavOptions {
  readonly data?: Uint8Array;
  readonly tag?: number;
  readonly channels?: number;
  readonly sampleRate?: number;
  readonly bits?: number;
  readonly blockAlign?: number;
  readonly byteRate?: number;
  /** What follows the 16 bytes of the `fmt ` chunk, with its own length in front. */
  readonly extension?: Uint8Array;
  readonly riffId?: string;
  readonly riffBytes?: number;
  readonly dataBytes?: number;
  readonly before?: Uint8Array;
  readonly after?: Uint8Array;
}

export function joined(...parts: (Uint8Array | string)[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part))),
  );
}

/** A chunk with its padding. */
export function chunk(id: string, content: Uint8Array, declaredBytes = content.length): Uint8Array {
  return joined(id, uint32(declaredBytes), content, new Uint8Array(content.length % 2));
}

/** Two bytes a sample, never a zero: none can be taken for padding or for the name of a chunk. */
export function pcm(seconds: number, bytesPerSecond = 32_000): Uint8Array {
  return new Uint8Array(Math.round(seconds * bytesPerSecond)).fill(0x81);
}

export function wavFile({
  data = pcm(4),
  tag = 1,
  channels = 1,
  sampleRate = 16_000,
  bits = 16,
  blockAlign = (channels * bits) / 8,
  byteRate = (sampleRate * blockAlign) % 2 ** 32,
  extension = new Uint8Array(),
  riffId = 'RIFF',
  riffBytes,
  dataBytes = data.length,
  before = new Uint8Array(),
  after = new Uint8Array(),
}: WavOptions = {}): Uint8Array {
  const format = Buffer.alloc(16);
  format.writeUInt16LE(tag, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(sampleRate, 4);
  format.writeUInt32LE(byteRate, 8);
  format.writeUInt16LE(blockAlign, 12);
  format.writeUInt16LE(bits, 14);
  const chunks = joined(chunk('fmt ', joined(format, extension)), before, chunk('data', data, dataBytes), after);
  return joined(riffId, uint32(riffBytes ?? 4 + chunks.length), 'WAVE', chunks);
}

export function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
