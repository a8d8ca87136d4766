import { headerOf, type SignatureCase } from '../../../tests/vectors/cases.ts';

/** What a verifier makes of a case. `fails` is an exception of another kind than its own: a caller would not expect it. */
export type Verdict = 'genuine' | 'refused' | 'fails';

/** One delivery as a receiver would hand it to the verifier. */
interface Received {
  readonly body: Buffer;
  /** Empty when there is none. */
  readonly header: string;
  readonly secret: string;
  readonly toleranceSeconds: number;
}

/** A verifier of somebody else, with what had to be changed for it. */
export interface Verifier {
  readonly name: string;
  readonly package: string;
  readonly adapted?: string;
  /** Whether Date.now() counts seconds for it. */
  readonly countsSeconds?: boolean;
  /** Under a tolerance that cannot be set, only cases of that tolerance are tried. */
  readonly fixedToleranceSeconds?: number;
  /** Returns when the signature is accepted, and throws when it is not. */
  verify(received: Received): Promise<unknown>;
  isRefusal(error: unknown): boolean;
}

/** Tries the secrets one after the other, as one would who has several: these verifiers take one. */
export async function verdictOf(verifier: Verifier, vector: SignatureCase): Promise<Verdict | undefined> {
  const { toleranceSeconds, secrets, now } = vector;
  if ((verifier.fixedToleranceSeconds ?? toleranceSeconds) !== toleranceSeconds) return undefined;
  let verdict: Verdict = 'refused';
  for (const secret of secrets) {
    const received = {
      body: Buffer.from(vector.body, 'base64'),
      header: headerOf(vector) ?? '',
      secret,
      toleranceSeconds,
    };
    try {
      await at(verifier.countsSeconds === true ? now : now * 1000, () => verifier.verify(received));
      return 'genuine';
    } catch (error) {
      if (!verifier.isRefusal(error)) verdict = 'fails';
    }
  }
  return verdict;
}

/** Runs it at another time: these verifiers ask Date.now(). */
async function at<T>(now: number, run: () => Promise<T>): Promise<T> {
  const { now: real } = Date;
  Date.now = () => now;
  try {
    return await run();
  } finally {
    Date.now = real;
  }
}
