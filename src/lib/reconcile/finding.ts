import { ElevenLabsError } from '../elevenlabs/errors.ts';
import { WebhookError } from '../errors.ts';
import type { Log } from '../telemetry/log.ts';

/** A part of a call that should be here. `failure`: the event of a call that could not be made. */
export type What = 'transcript' | 'audio' | 'failure';

/**
 * - `zero_retention`, `empty_transcript`, `deleted`, `hidden`: ElevenLabs has nothing, or nothing that the key may read.
 * - `not_in_api`: the API does not have what the event of a failed call says.
 * - `still_open`, `still_failing`: given up after RECONCILE_DAYS.
 */
export type LossReason =
  | 'zero_retention'
  | 'empty_transcript'
  | 'deleted'
  | 'hidden'
  | 'not_in_api'
  | 'still_open'
  | 'still_failing';

/** What came of a part of a call that was not here. Of a call that is whole nothing is said. */
export type Finding = { readonly conversationId: string; readonly agentId: string | undefined; readonly what: What } & (
  | {
      /** Lost by the webhook and fetched; or from before reconciliation was there, or because somebody asked for it. */
      readonly outcome: 'recovered' | 'backfilled';
      readonly blob: string;
      readonly bytes: number;
    }
  | { readonly outcome: 'unrecoverable'; readonly reason: LossReason }
  /** Not fetched now; the next run tries again. */
  | { readonly outcome: 'failed'; readonly reason: string; readonly hint: string }
  /** Not fetched because nobody said so: `dry_run`, or `older` than RECONCILE_DAYS. */
  | { readonly outcome: 'missing'; readonly reason: 'dry_run' | 'older' }
);

/** The permission that everything here needs (https://elevenlabs.io/docs/overview/administration/workspaces/api-keys). */
const PERMISSION = 'convai_read';

const HINTS: Readonly<Record<string, string>> = {
  invalid_api_key:
    'ElevenLabs does not know the key in ELEVENLABS_API_KEY. A key of a data residency host works at that host alone: ELEVENLABS_API_BASE_URL.',
  missing_permission: `The key in ELEVENLABS_API_KEY lacks the permission ${PERMISSION}: give it to the key, or make one that has it.`,
  rate_limited: 'ElevenLabs takes no more requests now. The next run goes on where this one ended.',
};

/** One call after the other could not be fetched. */
export class ManyFailures extends Error {}

export function failed(part: Pick<Finding, 'conversationId' | 'agentId' | 'what'>, error: unknown): Finding {
  return { ...part, outcome: 'failed', ...reasonOf(error) };
}

/** A failure as the log may have it. */
export function reasonOf(error: unknown): { readonly reason: string; readonly hint: string } {
  if (error instanceof ElevenLabsError) {
    return { reason: error.reason, hint: [error.message, HINTS[error.reason]].filter(Boolean).join('. ') };
  }
  if (error instanceof ManyFailures) {
    return {
      reason: 'many_failures',
      hint: 'One call after the other could not be fetched: the lines before say why.',
    };
  }
  if (error instanceof WebhookError) return { reason: error.code, hint: error.hint ?? error.message };
  return { reason: 'internal_error', hint: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

const LEVELS = {
  recovered: 'WARNING',
  backfilled: 'INFO',
  unrecoverable: 'ERROR',
  failed: 'ERROR',
  missing: 'INFO',
} as const;

export function logFinding(log: Log, finding: Finding): void {
  const { outcome, what, conversationId: conversation, agentId: agent, ...others } = finding;
  log.write(LEVELS[outcome], 'reconcile', { outcome, what, conversation, agent, ...others });
}
