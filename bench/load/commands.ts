/** What the load process can be asked for. Making and signing bodies is never part of the time. */
export type LoadCommand =
  /** Recordings, chunked, a connection each, `atOnce` at a time. */
  | {
      kind: 'recordings';
      url: string;
      bodyBytes: number;
      count: number;
      atOnce: number;
      signature: Signature;
    }
  /** JSON bodies with a Content-Length over kept connections. */
  | {
      kind: 'transcripts';
      url: string;
      bodyBytes: number;
      count: number;
      atOnce: number;
      signature: Signature;
    }
  /** Questions before calls, of so many callers in the directory; 0: of numbers that nobody knows. */
  | { kind: 'questions'; url: string; callers: number; count: number; atOnce: number }
  /** The same bodies straight to storage: one `upload` each. */
  | { kind: 'uploads'; storage: string; bodyBytes: number; count: number; atOnce: number }
  /** The blocks of recordings straight to storage, one recording after the other, as the app has them in flight. */
  | { kind: 'blocks'; storage: string; audioBytes: number; count: number };

export type Signature = 'good' | 'bad' | 'none';

export interface LoadResult {
  /** From the first request to the last answer. */
  readonly wallMs: number;
  readonly perSecond: number;
  /** Of one request. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What comes back from the load process. */
export type LoadReply = { readonly result: LoadResult } | { readonly error: string };
