import type { AudioFormat } from './audioFormat.ts';
import type { Measured } from './measured.ts';
import { measureMp3 } from './measureMp3.ts';
import { measureOgg } from './measureOgg.ts';
import { measureWav } from './measureWav.ts';

const MEASURES: Record<AudioFormat, (bytes: Uint8Array) => Measured | undefined> = {
  wav: measureWav,
  mp3: measureMp3,
  ogg: measureOgg,
};

/**
 * Duration and sample rate as the audio itself has them, whatever a header declares; undefined when there is none. It does not
 * yield, and hostile bytes can keep it busy for a minute: call it in a thread that can be ended.
 */
export function measure(bytes: Uint8Array, format: AudioFormat): Measured | undefined {
  return MEASURES[format](bytes);
}
