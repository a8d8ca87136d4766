/** What a sample really holds. */
export interface Measured {
  readonly durationSeconds: number;
  readonly sampleRate: number;
}

/** A slower rate carries no voice and no converter runs faster, so a header that says so is not one of audio. */
const SAMPLE_RATES = { min: 1_000, max: 384_000 };

export function isSampleRate(hertz: number): boolean {
  return hertz >= SAMPLE_RATES.min && hertz <= SAMPLE_RATES.max;
}

/** To the millisecond; undefined when there is no audio at all or at no rate that audio has. */
export function measured(durationSeconds: number, sampleRate: number): Measured | undefined {
  const rounded = Math.round(durationSeconds * 1000) / 1000;
  return rounded > 0 && Number.isFinite(rounded) && isSampleRate(sampleRate)
    ? { durationSeconds: rounded, sampleRate }
    : undefined;
}
