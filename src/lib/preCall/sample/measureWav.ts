import { type Measured, measured } from './measured.ts';
import { measureMp3 } from './measureMp3.ts';
import { riffChunks } from './riffChunks.ts';
import { MP3_TAG, readWaveFormat, type WaveFormat } from './waveFormat.ts';

/** Counts the samples that the bytes of the `data` chunks hold. */
export function measureWav(bytes: Uint8Array): Measured | undefined {
  const chunks = riffChunks(bytes);
  const formatAt = chunks.findIndex(({ id }) => id === 'fmt ');
  const format = readWaveFormat(chunks[formatAt]?.content ?? new Uint8Array());
  if (format === undefined) return undefined;
  const data = chunks.slice(formatAt).flatMap(({ id, content }) => (id === 'data' ? [content] : []));
  if (format.tag === MP3_TAG) return measureMp3(Buffer.concat(data));
  const dataBytes = data.reduce((sum, { length }) => sum + length, 0);
  const fact = chunks.find(({ id }) => id === 'fact')?.content;
  return measured(samplesOf(format, dataBytes, fact) / format.sampleRate, format.sampleRate);
}

/** Encoders fill the last block up: a `fact` chunk that takes less than a block away says how far. Any other is wrong. */
function samplesOf(format: WaveFormat, dataBytes: number, fact: Uint8Array | undefined): number {
  const { blockBytes, blockSamples, samplesOfPart } = format;
  const whole = Math.floor(dataBytes / blockBytes) * blockSamples;
  const samples = whole + (samplesOfPart?.(dataBytes % blockBytes) ?? 0);
  const declared = fact === undefined || fact.length < 4 ? samples : Buffer.from(fact).readUInt32LE();
  return declared <= samples && declared > samples - blockSamples ? declared : samples;
}
