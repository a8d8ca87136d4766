import type { Work } from './context.ts';

/** One thing of the sweep that fails keeps no other from being done; the next sweep tries again. */
export async function step(work: Work, what: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    reportFailure(work, what, error);
  }
}

export function reportFailure({ log }: Work, what: string, error: unknown): void {
  log.write('WARNING', 'sweep', {
    outcome: 'failed',
    what,
    hint: error instanceof Error ? error.message : String(error),
  });
}
