import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { audioFormatOf } from '../../../../src/lib/preCall/sample/audioFormat.ts';
import { measure } from '../../../../src/lib/preCall/sample/measure.ts';

const folder = new URL('files/', import.meta.url);

/** Seconds that were encoded; or, with a reason, what decoders make of it. */
const files: Readonly<Record<string, readonly [seconds: number, sampleRate: number, reason?: string]>> = {
  'ffmpeg-float.wav': [0.1, 22_050],
  'ffmpeg-g722.wav': [0.5, 16_000],
  'ffmpeg-g723.1.wav': [1.32, 8_000, 'frames of 30 ms'],
  'ffmpeg-g726-24.wav': [1.3, 8_000],
  'ffmpeg-gsm.wav': [1.32, 8_000, 'blocks of 40 ms, no fact that says where it ends'],
  'ffmpeg-ima-adpcm.wav': [1.531, 8_000, 'blocks of a quarter of a second, whose fact counts the filling in'],
  'ffmpeg-lame.mp3': [1.3, 16_000],
  'ffmpeg-mp3.wav': [1.404, 16_000, 'no tag in WAV says how much is delay'],
  'ffmpeg-ms-adpcm.wav': [1.527, 8_000, 'blocks of a quarter of a second, whose fact counts the filling in'],
  'ffmpeg-mulaw.wav': [1.3, 8_000],
  'ffmpeg-opus-surround.ogg': [0.5, 24_000],
  'ffmpeg-pipe.wav': [0.5, 8_000],
  'ffmpeg-rf64-bext.wav': [0.5, 8_000],
  'ffmpeg-theora.ogg': [1.3, 16_000],
  'ffmpeg-vorbis.ogg': [0.502, 22_050, 'its position cuts nothing off'],
  'ffmpeg-yamaha-adpcm.wav': [1.536, 8_000, 'blocks of an eighth of a second'],
  'lame-cbr.mp3': [1.3, 16_000],
  'lame-checksums.mp3': [0.5, 22_050],
  'lame-vbr.mp3': [1.3, 16_000],
  'lame-without-tag.mp3': [1.404, 16_000, 'nothing says how much is delay'],
  'oggenc-8k.ogg': [1.3, 8_000],
  'oggenc-skeleton.ogg': [0.5, 22_050],
  'opusenc-2.5ms.ogg': [1.3, 16_000],
  'opusenc-60ms.ogg': [1.3, 16_000],
  'opusenc-stereo.ogg': [0.5, 22_050],
  'sndfile-ima-adpcm.wav': [1.326, 8_000, 'blocks of 63 ms, whose fact counts the filling in'],
  'sox-alaw.wav': [1.3, 8_000],
  'sox-extensible-24.wav': [0.1, 22_050],
  'sox-gsm.wav': [1.3, 8_000],
  'sox-ima-adpcm-stereo.wav': [0.5, 22_050],
  'sox-ms-adpcm.wav': [1.3, 8_000],
  'sox-pipe.wav': [0.5, 8_000],
};

test.each(Object.entries(files))('%s lasts %j', (name, [seconds, sampleRate]) => {
  const bytes = new Uint8Array(readFileSync(new URL(name, folder)));
  expect(audioFormatOf(bytes)).toBe(name.slice(-3));
  const found = measure(bytes, name.slice(-3) as 'wav');
  expect(Math.abs((found?.durationSeconds ?? 0) - seconds)).toBeLessThanOrEqual(0.001);
  expect(found?.sampleRate).toBe(sampleRate);
});

test('every file is in the table', () => {
  expect(
    readdirSync(folder)
      .filter((name) => name !== 'README.md')
      .sort(),
  ).toEqual(Object.keys(files).sort());
});
