import type { Run } from './result.ts';
import { type Cost, simulateHour } from './simulation.ts';

/** Sizes of a Flex Consumption instance; CPU grows with memory (docs/facts/azure-functions.md#limits). */
const instances = [
  { memoryMb: 512, cores: 0.25 },
  { memoryMb: 2048, cores: 1 },
  { memoryMb: 4096, cores: 2 },
];
/** What every instance has on top for system and host, and what those two are allowed here (docs/facts/azure-functions.md#limits). */
const EXTRA_MB = 272;
const SET_ASIDE_MB = 400;

const MIB_IN_MB = 1.048576;
const cases = [
  { fits: '1 × 100 MiB', row: 'memory, 1 × 100 MiB at once' },
  { fits: '8 × 50 MiB', row: 'memory, 8 × 50 MiB at once' },
  { fits: '32 × 20 MiB', row: 'memory, 32 × 20 MiB at once' },
];
const CALLS_AN_HOUR = [10, 1_000, 100_000];
/** For the simulation: how fast a recording of 12 MiB comes in, and how many deliveries an instance of 2048 MB takes at once. */
const SENDER_MIB_A_SECOND = 6;
const CONCURRENCY = 16;

/** What one instance can carry, as a table: arithmetic from what a run has measured. */
export function capacityOf(run: Run): string {
  const { transcript, recording } = costsOf(run);
  const peaks = cases.map(({ fits, row }) => ({ fits, peakMb: figureOf(run, row, 'peakMib') * MIB_IN_MB }));
  const lines = instances.map(({ memoryMb, cores }) => {
    const nodeMb = memoryMb + EXTRA_MB - SET_ASIDE_MB;
    const fitting = peaks.filter(({ peakMb }) => peakMb <= nodeMb).at(-1);
    return [
      `${memoryMb} MB, ${cores === 1 ? '1 core' : `${cores} cores`}`,
      `${Math.floor((cores * 1000) / transcript.cpuMs)} a second`,
      `${((cores * 1000) / recording.cpuMs).toFixed(1)} a second`,
      `${nodeMb} MB`,
      fitting === undefined ? 'none' : `${fitting.fits} (${Math.round(fitting.peakMb)} MB)`,
    ];
  });
  return table(
    ['instance', 'transcripts of 30 kB', 'or recordings of 12 MiB', 'memory for Node', 'at once, as measured'],
    lines,
  );
}

/** What calls at random moments need, as a table. */
export function simulationOf(run: Run): string {
  const { transcript, recording } = costsOf(run);
  const received = { ...recording, openMs: recording.openMs + (12 / SENDER_MIB_A_SECOND) * 1000 };
  const lines = CALLS_AN_HOUR.map((calls) => {
    const { mostAtOnce, mostCores, mostStorageRequests } = simulateHour(calls, [transcript, received]);
    const needed = Math.max(Math.ceil(mostAtOnce / CONCURRENCY), Math.ceil(mostCores));
    return [
      calls.toLocaleString('en'),
      String(mostAtOnce),
      mostCores.toFixed(2),
      String(needed),
      `${mostStorageRequests} (${((mostStorageRequests / 20_000) * 100).toFixed(1)} %)`,
    ];
  });
  return table(
    [
      'calls an hour',
      'deliveries at once, most',
      'cores in the busiest second',
      'instances of 2048 MB',
      'storage requests in the busiest second (of the smaller account)',
    ],
    lines,
  );
}

function costsOf(run: Run): { transcript: Cost; recording: Cost } {
  const transcripts = 'transcripts of 30 kB, 8 at a time';
  const recordings = 'audio, whole, 12 MiB';
  return {
    transcript: {
      openMs: figureOf(run, transcripts, 'p50Ms'),
      cpuMs: figureOf(run, transcripts, 'cpuMs'),
      storageRequests: 1,
    },
    recording: {
      openMs: figureOf(run, recordings, 'wallMs'),
      cpuMs: figureOf(run, recordings, 'appCpuMs'),
      storageRequests: 6,
    },
  };
}

function figureOf({ rows }: Run, what: string, name: string): number {
  const figure = rows.find((row) => row.what === what)?.figures[name];
  if (figure === undefined) throw new Error(`The run has no ${name} of "${what}"`);
  return typeof figure === 'number' ? figure : figure.median;
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
