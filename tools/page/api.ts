// What the page gets from its server, as JSON. Imported by both.
import type { Transcript } from '../cli/calls/transcript.ts';

type StoredForm = 'transcript' | 'otel' | 'recording' | 'failure' | 'quarantine';

/** A line of the list: the members of `calls --json` but for the blobs. Times are ISO 8601. */
export interface CallSummary {
  readonly conversation_id: string;
  readonly agent_id: string;
  /** Of a failure or a lone recording the event's time; null when nothing says it. */
  readonly started_at: string | null;
  readonly duration_seconds: number | null;
  readonly direction: string | null;
  readonly external_number: string | null;
  readonly successful: string | null;
  readonly failure_reason: string | null;
  readonly has: Readonly<Record<StoredForm, boolean>>;
  /** What there should be of it and is not. */
  readonly missing: readonly string[];
  readonly stored_at: string;
}

/** What is stored of a call, with its metadata. */
export interface StoredBlob {
  /** `container/name`. */
  readonly blob: string;
  readonly form: StoredForm;
  readonly bytes: number;
  readonly stored_at: string;
  /** Other bytes were stored under the usual name before. */
  readonly is_beside: boolean;
  /** In quarantine, and the sound was taken out of it: its other parts are beside it. */
  readonly is_part: boolean;
  readonly metadata: Readonly<Record<string, string>>;
}

/** One call, as it is shown. */
export interface CallPage extends CallSummary {
  readonly blobs: readonly StoredBlob[];
  /** Null when there is none, or it is only stored in the OpenTelemetry form. */
  readonly transcript: Transcript | null;
  /** The `data` of the event of a call that could not be made. */
  readonly failure: Readonly<Record<string, unknown>> | null;
}

export interface QuarantinePage {
  /** Newest first. */
  readonly items: readonly StoredBlob[];
  /** How many there are, of which `items` are the newest. */
  readonly total: number;
}

/** What became of one body in quarantine. */
export interface Replayed {
  readonly blob: string;
  readonly outcome: string;
  /** Where it is now. */
  readonly stored?: string;
  /** Why it failed. */
  readonly hint?: string;
}

/** Which storage it is, and what of it the page shows. */
export interface About {
  /** For people: `local storage on port 10000`. */
  readonly storage: string;
  /** At most so many calls are listed. */
  readonly limit: number;
  /** The command line's choice, for people; empty when all is shown. */
  readonly chosen: string;
}

/** What comes over the stream of events, each under its name. */
export interface LiveEvents {
  /** New or changed calls. */
  readonly calls: readonly CallSummary[];
  /** Calls that are not there any more, each `agent/conversation`. */
  readonly gone: readonly string[];
  /** While the first listing runs: how many calls were looked at. */
  readonly listing: { readonly seen: number };
  /** A listing is complete: how many calls fit, of which at most `limit` are shown, and what is in quarantine. */
  readonly listed: { readonly matching: number; readonly quarantined: number };
  /** The listing failed, and is tried again. */
  readonly problem: { readonly message: string };
}

/** Lines of a search: how many calls were looked at so far, then what was found, or why not. */
export type SearchLine =
  | { readonly seen: number }
  /** Each `agent/conversation`. */
  | { readonly found: readonly string[] }
  | { readonly message: string };

/** How a call is named in addresses and events. */
export function keyOf({
  agent_id,
  conversation_id,
}: {
  readonly agent_id: string;
  readonly conversation_id: string;
}): string {
  return `${agent_id}/${conversation_id}`;
}
