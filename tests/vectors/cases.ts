import { readdirSync, readFileSync } from 'node:fs';

/** One case as `vectors.schema.json` describes it. */
export interface SignatureCase {
  readonly name: string;
  readonly reason: string;
  readonly headers: readonly string[];
  readonly secrets: readonly string[];
  readonly now: number;
  readonly toleranceSeconds: number;
  readonly futureSkewSeconds: number;
  /** Base64. */
  readonly body: string;
  readonly signedAs?: { readonly secret: string; readonly timestamp: string; readonly body?: string };
  readonly expect:
    | { readonly verdict: 'genuine'; readonly secret: number }
    | { readonly verdict: 'refused'; readonly code: string };
}

/** All cases by the name of their file, `grammar` for `grammar.json`. */
export function signatureCases(): Map<string, SignatureCase[]> {
  const files = readdirSync(import.meta.dirname).filter((name) => /(?<!schema)\.json$/.test(name));
  return new Map(
    files.sort().map((name) => {
      const { cases } = JSON.parse(readFileSync(`${import.meta.dirname}/${name}`, 'utf8')) as {
        cases: SignatureCase[];
      };
      return [name.replace(/\.json$/, ''), cases];
    }),
  );
}

/**
 * The header as a server hands it on: the bytes of each line as Latin-1 without white space at its ends, the lines joined
 * (RFC 9110 §5.2, §5.5); null when there is none.
 */
export function headerOf({ headers }: Pick<SignatureCase, 'headers'>): string | null {
  const received = new Headers();
  for (const line of headers) received.append('elevenlabs-signature', Buffer.from(line).toString('latin1'));
  return received.get('elevenlabs-signature');
}
