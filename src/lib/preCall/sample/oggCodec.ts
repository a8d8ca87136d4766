/** What Ogg audio is made of: how long its packets are. */
export interface OggCodec {
  /** Of the samples that are counted and of the positions of pages. */
  readonly clockRate: number;
  /** Of the recording. */
  readonly sampleRate: number;
  /** Samples at the beginning that are not for hearing. */
  readonly skippedSamples: number;
  /** How many samples come out for the packet; 0 for one that is not audio or not whole. In their order. */
  samplesOf(packet: Uint8Array): number;
}
