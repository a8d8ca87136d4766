import { type JsonFacts, type Lifted, type LiftTargets, liftAudio } from '../../../src/lib/json/lift.ts';
import type { Members } from '../../../src/lib/json/members.ts';
import { AUDIO_MEMBERS } from './audioIn.ts';
import { CollectingSink } from './collectingSink.ts';

export interface Split {
  readonly kind: Lifted['kind'];
  /** As latin1 text. */
  readonly envelope: string;
  /** Undefined when it was never asked for. */
  readonly audio: Buffer | undefined;
  readonly undecoded: string | undefined;
  readonly json: JsonFacts;
  readonly timesReady: number;
}

/** Runs liftAudio over the pieces, and sees to it that it writes into none of them. */
export async function split(
  pieces: readonly Buffer[],
  blockBytes = 30_000,
  members: Members = AUDIO_MEMBERS,
): Promise<Split> {
  let audio: CollectingSink | undefined;
  let undecoded: Buffer[] | undefined;
  const given = pieces.map((piece) => Buffer.from(piece));
  async function* body() {
    yield* given;
  }
  const targets: LiftTargets = {
    audio: () => {
      if (audio !== undefined) throw new Error('The audio has one target.');
      audio = new CollectingSink(blockBytes);
      return audio;
    },
    undecoded: () => {
      if (undecoded !== undefined) throw new Error('Undecoded bytes have one target.');
      const written: Buffer[] = [];
      undecoded = written;
      return {
        write: async (bytes) => {
          await new Promise((resolve) => setImmediate(resolve));
          written.push(Buffer.from(bytes));
        },
      };
    },
  };
  const { kind, envelope, json } = await liftAudio(body(), targets, { members });
  if (!given.every((piece, index) => piece.equals(pieces[index] ?? piece))) throw new Error('A piece was written to.');
  return {
    kind,
    envelope: envelope.toString('latin1'),
    audio: audio?.bytes,
    undecoded: undecoded && Buffer.concat(undecoded).toString('latin1'),
    json,
    timesReady: audio?.timesReady ?? 0,
  };
}
