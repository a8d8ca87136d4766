// npm run mutation: changes the source in every small way, one at a time, and sees whether a test notices.
import type { Stryker } from '@stryker-mutator/core';
import { UsageError } from '../command/errors.ts';
import { number, text } from '../command/option.ts';
import { runCommand } from '../command/run.ts';

/** Source files and the tests that judge them. Files are instrumented together, which slows every byte that passes them. */
interface Part {
  readonly mutate: readonly string[];
  readonly tests: readonly string[];
  readonly needsStorage?: boolean;
}

const TARGET_PERCENT = 95;

const preCall = (...names: string[]) => names.map((name) => `src/lib/preCall/${name}.ts`);
/** A source file whose tests have storage and ElevenLabs in memory. */
const preCallUnit = (name: string): Part => ({ mutate: preCall(name), tests: [`tests/lib/preCall/${name}.test.ts`] });

/** A source file of the initiation webhook, and others that the same tests judge. */
const initiationUnit = (name: string, ...others: string[]): Part => ({
  mutate: [name, ...others].map((each) => `src/lib/initiation/${each}.ts`),
  tests: [`tests/lib/initiation/${name}.test.ts`],
});

/** Source files of a format of voice samples. */
const sample = (measure: string, ...names: string[]): Part => ({
  mutate: preCall(...[measure, ...names].map((name) => `sample/${name}`)),
  tests: [measure, 'encoders'].map((name) => `tests/lib/preCall/sample/${name}.test.ts`),
});

/** Source files of finding, replaying and erasing, whose tests have real storage. */
const calls = (tests: readonly string[], ...names: string[]): Part => ({
  mutate: names.map((name) => `src/lib/calls/${name}.ts`),
  tests: tests.map((test) => `tests/lib/calls/${test}.test.ts`),
  needsStorage: true,
});

const groups: Readonly<Record<string, readonly Part[]>> = {
  signature: [
    {
      mutate: ['header', 'signedBody', 'verifier', 'withSignature'].map((name) => `src/lib/signature/${name}.ts`),
      tests: ['tests/lib/signature/*.test.ts'],
    },
  ],
  json: [
    { mutate: ['src/lib/json/base64.ts'], tests: ['tests/lib/json/base64.test.ts', 'tests/properties/base64.test.ts'] },
    {
      mutate: ['bits', 'grammar', 'members', 'picks', 'reader'].map((name) => `src/lib/json/${name}.ts`),
      tests: ['tests/lib/json/reader.test.ts', 'tests/lib/json/readerAudio.test.ts'],
    },
    { mutate: ['src/lib/json/envelope.ts'], tests: ['tests/lib/json/envelope.test.ts'] },
    { mutate: ['src/lib/json/lift.ts'], tests: ['tests/lib/json/lift.test.ts'] },
    { mutate: ['src/lib/json/emptyAudio.ts'], tests: ['tests/lib/json/emptyAudio.test.ts'] },
  ],
  storage: [
    {
      mutate: ['src/lib/storage/keepOnce.ts'],
      tests: ['tests/lib/storage/keepOnce.azurite.test.ts', 'tests/lib/storage/incoming.azurite.test.ts'],
      needsStorage: true,
    },
    {
      mutate: ['src/lib/storage/incoming.ts'],
      tests: ['tests/lib/storage/incoming.azurite.test.ts'],
      needsStorage: true,
    },
    {
      mutate: ['src/lib/storage/blockDraft.ts'],
      tests: ['tests/lib/storage/blockDraft.azurite.test.ts'],
      needsStorage: true,
    },
    { mutate: ['src/lib/storage/blockPool.ts'], tests: ['tests/lib/storage/blockPool.test.ts'] },
    { mutate: ['src/lib/http/bodyMemory.ts'], tests: ['tests/lib/http/bodyMemory.test.ts'] },
    {
      mutate: ['src/lib/storage/erasures.ts'],
      tests: ['tests/lib/storage/erasures.test.ts', 'tests/app/erased.test.ts'],
      needsStorage: true,
    },
  ],
  calls: [
    calls(['findCalls.azurite'], 'findCalls', 'call', 'describeCall', 'listCalls', 'blobName'),
    calls(['planErasure.azurite'], 'planErasure', 'preCallRecords', 'agentsOfErasure', 'findEntries'),
    calls(['finishErasures.azurite'], 'finishErasures'),
    calls(['eraseCalls.azurite'], 'eraseCalls', 'eraseClones'),
    calls(['eraseBlobs', 'eraseCalls.azurite'], 'eraseBlobs'),
    calls(['replayInPlace.azurite', 'replayFaults.azurite'], 'replayInPlace'),
    ...['listQuarantine', 'quarantinedBody', 'removeReplayed'].map((name) => ({
      mutate: [`src/lib/calls/${name}.ts`],
      tests: [`tests/lib/calls/${name}.test.ts`],
    })),
    { mutate: ['src/lib/callers/number.ts'], tests: ['tests/lib/callers/number.test.ts'] },
    {
      mutate: ['src/lib/callers/callerKey.ts'],
      tests: ['tests/lib/callers/callerKey.azurite.test.ts'],
      needsStorage: true,
    },
  ],
  reconcile: [
    {
      mutate: ['agentRun', 'checkCall', 'fetchCall', 'lookFor', 'progress', 'reconcile', 'tally'].map(
        (name) => `src/lib/reconcile/${name}.ts`,
      ),
      tests: ['reconcile', 'reconcileFaults', 'reconcileRun'].map(
        (name) => `tests/lib/reconcile/${name}.azurite.test.ts`,
      ),
      needsStorage: true,
    },
    {
      mutate: ['src/lib/reconcile/backfill.ts'],
      tests: ['tests/lib/reconcile/backfill.azurite.test.ts'],
      needsStorage: true,
    },
    { mutate: ['src/lib/reconcile/finding.ts'], tests: ['tests/lib/reconcile/finding.test.ts'] },
  ],
  preCall: [
    {
      mutate: ['src/lib/storage/stateStore.ts', ...preCall('state/records')],
      tests: [
        'tests/lib/storage/stateStore.azurite.test.ts',
        'tests/lib/preCall/agent/leaseAgent.test.ts',
        'tests/lib/callers/directory.test.ts',
        'tests/app/callers.test.ts',
      ],
      needsStorage: true,
    },
    preCallUnit('prepare'),
    preCallUnit('conversationLock'),
    preCallUnit('voice/clone'),
    preCallUnit('lookAhead'),
    preCallUnit('agent/leaseAgent'),
    preCallUnit('agent/agentChange'),
    preCallUnit('sweep'),
    preCallUnit('voice/deleteVoices'),
    preCallUnit('agent/restoreAgent'),
    preCallUnit('remember'),
  ],
  callers: ['cleanText', 'record', 'directory', 'sweepCallers'].map((name) => ({
    mutate: [`src/lib/callers/${name}.ts`],
    tests: [`tests/lib/callers/${name}.test.ts`],
  })),
  initiation: [
    initiationUnit('answer'),
    initiationUnit('call'),
    initiationUnit('bearer'),
    initiationUnit('prepare', 'warmUp'),
    initiationUnit('knownAgents', 'agentRecord', 'refreshAgents'),
    {
      mutate: ['src/lib/initiation/handler.ts'],
      tests: ['tests/lib/initiation/handler.test.ts', 'tests/app/initiation.test.ts'],
      needsStorage: true,
    },
    initiationUnit('health', 'missingRules'),
    {
      mutate: ['src/lib/elevenlabs/agentRules.ts', 'src/lib/elevenlabs/variableNames.ts'],
      tests: ['tests/lib/elevenlabs/agentRules.test.ts'],
    },
  ],
  sample: [
    sample('measureWav', 'riffChunks', 'waveFormat'),
    sample('measureMp3', 'mp3Frames', 'mp3Info'),
    sample('measureOgg', 'oggPackets', 'oggPages', 'opusCodec', 'vorbisCodec'),
  ],
};

await runCommand({
  name: 'mutation',
  operands: { shown: '[GROUP ...]', most: Object.keys(groups).length },
  options: {
    file: text('WORD', 'only source files whose path holds WORD'),
    concurrency: number('how many changes are tried at once (2)', (count) => Number.isInteger(count) && count > 0),
  },
  details: `Prints every change that no test has noticed, and the share of those that one has; fails under ${TARGET_PERCENT} %. Takes minutes a
group, and much longer for storage, calls, reconcile and the state of preCall, whose tests use real storage. The groups: ${Object.keys(groups).join(', ')}.`,
  run: ({ values, operands }) => mutate(operands, values.file ?? '', values.concurrency ?? 2),
});

function optionsOf({ mutate }: Part, concurrency: number) {
  return {
    testRunner: 'vitest' as const,
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'tests/mutation/vitest.config.ts', related: false },
    tsconfigFile: 'none' as const, // TypeScript 7 has no compiler API, which Stryker would read it with
    mutate: [...mutate],
    coverageAnalysis: 'perTest' as const,
    concurrency,
    dryRunTimeoutMinutes: 15,
    reporters: ['progress-append-only', 'clear-text'],
    clearTextReporter: { allowColor: false, logTests: false, reportTests: false, reportScoreTable: false },
    ignorePatterns: ['/dist', '/coverage', '/.azurite', '/.git'],
    tempDirName: '.stryker-tmp',
  };
}

interface Count {
  noticed: number;
  all: number;
}

async function measure(stryker: Stryker, part: Part, counts: Map<string, Count>): Promise<void> {
  process.env['MUTATION_TESTS'] = part.tests.join();
  process.env['MUTATION_STORAGE'] = part.needsStorage === true ? 'yes' : '';
  for (const { fileName, status } of await stryker.runMutationTest()) {
    const isNoticed = status === 'Killed' || status === 'Timeout';
    if (!isNoticed && status !== 'Survived' && status !== 'NoCoverage') continue;
    const file = fileName.replace(/^.*src\/lib\//, '');
    const count = counts.get(file) ?? { noticed: 0, all: 0 };
    counts.set(file, { noticed: count.noticed + Number(isNoticed), all: count.all + 1 });
  }
}

function percent({ noticed, all }: Count): number {
  return Math.floor((noticed / all) * 1000) / 10;
}

async function mutate(words: readonly string[], file: string, concurrency: number): Promise<number> {
  const names = words.length > 0 ? words : Object.keys(groups);
  const parts = names.flatMap((name) => {
    const group = groups[name];
    if (group === undefined)
      throw new UsageError(`There is no group ${name}. There are ${Object.keys(groups).join(', ')}.`);
    return group
      .map((part) => ({ ...part, mutate: part.mutate.filter((path) => path.includes(file)) }))
      .filter(({ mutate }) => mutate.length > 0);
  });
  if (parts.length === 0) throw new UsageError(`No path of ${names.join(', ')} holds ${file}.`);
  const { Stryker } = await import('@stryker-mutator/core'); // seconds: only when it is to work
  const counts = new Map<string, Count>();
  for (const part of parts) await measure(new Stryker(optionsOf(part, concurrency)), part, counts);
  const total = [...counts.values()].reduce(
    (sum, { noticed, all }) => ({ noticed: sum.noticed + noticed, all: sum.all + all }),
    { noticed: 0, all: 0 },
  );
  const rows = [...counts, ['all', total] as const].map(([file, count]) => [
    file,
    { changes: count.all, noticed: count.noticed, percent: percent(count) },
  ]);
  console.table(Object.fromEntries(rows));
  return percent(total) >= TARGET_PERCENT ? 0 : 1;
}
