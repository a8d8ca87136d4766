import type { Finding } from '../../../src/lib/reconcile/finding.ts';
import type { Tally } from '../../../src/lib/reconcile/tally.ts';
import { counted, readableSize } from '../../command/output.ts';

/** What a command has found. */
export interface Result {
  readonly findings: Finding[];
  tally: Tally | undefined;
  readonly since: Date | undefined;
  readonly days: number;
}

/** In numbers of calls. `open`: not at their end, or too young to say. */
interface Summary {
  readonly calls: number;
  readonly whole_before: number;
  readonly whole: number;
  readonly lost: number;
  readonly failed: number;
  readonly missing: number;
  readonly open: number;
}

const LOST: Readonly<Record<string, string>> = {
  zero_retention: 'zero retention: ElevenLabs has nothing',
  empty_transcript: 'ElevenLabs has no transcript of it any more',
  deleted: 'deleted at ElevenLabs',
  hidden: 'the key may not read it',
  not_in_api: 'ElevenLabs sends it once and cannot be asked for it',
};
const NAMES = { transcript: 'transcript', audio: 'recording', failure: 'call failure' } as const;

export function report(result: Result): { readonly text: string; readonly summary: Summary } {
  const summary = summaryOf(result);
  const since = result.since ?? new Date(Date.now() - result.days * 86_400_000);
  const day = since.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
  const width = Math.max(0, ...result.findings.map(({ conversationId }) => conversationId.length));
  const counts = [
    `${summary.whole} whole`,
    ...(['lost', 'failed', 'missing', 'open'] as const).flatMap((name) =>
      summary[name] === 0 ? [] : [`${summary[name]} ${name}`],
    ),
  ];
  return {
    summary,
    text: [
      `ElevenLabs ${counted(summary.calls, 'call')} since ${day} · here ${summary.whole_before} whole`,
      ...result.findings.map((finding) => `${finding.conversationId.padEnd(width)}  ${line(finding, result.days)}`),
      counts.join(', '),
    ].join('\n'),
  };
}

function line(finding: Finding, days: number): string {
  const what = `${NAMES[finding.what]} missing`.padEnd(20);
  switch (finding.outcome) {
    case 'recovered':
    case 'backfilled':
      return `${what}  fetched  ${readableSize(finding.bytes).padStart(7)} → ${finding.blob}`;
    case 'unrecoverable':
      return LOST[finding.reason] ?? finding.reason;
    case 'failed':
      return `${what}  failed   ${finding.hint}`;
    case 'missing':
      return finding.reason === 'dry_run'
        ? `${what}  not fetched: --dry-run`
        : `${what}  not fetched: older than ${days} days; --yes fetches it, although retention may have deleted it`;
  }
}

export function asJson({ conversationId, agentId, what, outcome, ...others }: Finding): object {
  return {
    conversation_id: conversationId,
    agent_id: agentId ?? null,
    what,
    outcome,
    reason: 'reason' in others ? others.reason : null,
    blob: 'blob' in others ? others.blob : null,
  };
}

/** 0 when everything is whole or was fetched. */
export function exitCodeOf(result: Result): number {
  const { lost, failed, missing } = summaryOf(result);
  return lost + failed + missing === 0 ? 0 : 1;
}

/** A call counts once, by the worst that is known of it. */
function summaryOf({ findings, tally }: Result): Summary {
  const seen = new Set<string>();
  const count = (...outcomes: Finding['outcome'][]) => {
    const before = seen.size;
    for (const { outcome, conversationId } of findings) if (outcomes.includes(outcome)) seen.add(conversationId);
    return seen.size - before;
  };
  const lost = count('unrecoverable');
  const failed = count('failed');
  const missing = count('missing');
  const fetched = count('recovered', 'backfilled');
  const { listed = 0, whole = 0, open = 0 } = tally ?? {};
  return {
    calls: listed,
    whole_before: whole,
    whole: whole + fetched,
    lost,
    failed,
    missing,
    open: Math.max(0, open - failed - missing),
  };
}
