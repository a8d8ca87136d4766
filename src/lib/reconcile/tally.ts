import type { Finding } from './finding.ts';

/** What a run has seen and done, in numbers of calls; findings in numbers of parts of calls. */
export class Tally {
  listed = 0;
  whole = 0;
  settled = 0;
  open = 0;
  /** Entries of the listing without a usable id or time. */
  unreadable = 0;
  readonly findings: Record<Finding['outcome'], number> = {
    recovered: 0,
    backfilled: 0,
    unrecoverable: 0,
    failed: 0,
    missing: 0,
  };

  count({ outcome }: Finding): void {
    this.findings[outcome]++;
  }
}
