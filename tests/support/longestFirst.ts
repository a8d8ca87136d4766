import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take longest, the longest first: at the end none of them is left for one worker alone. */
const LONGEST = [
  'greedyClients',
  'storageFaults',
  'races',
  'everyAwait',
  'soak',
  'kill',
  'audio',
  'stillUploads',
  'manyClicks',
  'page',
  'serve',
  'preCallCrash',
  'preCallAnswers',
  'preCallOnce',
  'wireFaults',
  'reconcileFaults.azurite',
  'compile',
  'connectKill',
];

/** Vitest knows how long a file takes from an earlier run; a clean checkout had none. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((one, other) => rankOf(one) - rankOf(other));
  }
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
  return rank === -1 ? LONGEST.length : rank;
}
