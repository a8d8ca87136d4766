import type { Run } from './result.ts';

/** Sizes of a Flex Consumption instance; CPU grows with memory (A§6). */
const instances = [
  { memoryMb: 512, cores: 0.25 },
  { memoryMb: 2048, cores: 1 },
  { memoryMb: 4096, cores: 2 },
];
/** What every instance has on top for system and host (A§6), and what those two are allowed here. */
const EXTRA_MB = 272;
const SET_ASIDE_MB = 400;

const MIB_IN_MB = 1.048576;
const cases = [
  { fits: '1 × 100 MiB', row: 'memory, 1 × 100 MiB at once' },
  { fits: '8 × 50 MiB', row: 'memory, 8 × 50 MiB at once' },
  { fits: '32 × 20 MiB', row: 'memory, 32 × 20 MiB at once' },
];

/** What one instance can carry, as a table: arithmetic from what a run has measured. */
export function carriesOf(run: Run): string {
  const transcriptMs = figureOf(run, 'transcripts of 30 kB, 8 at a time', 'cpuMs');
  const recordingMs = figureOf(run, 'audio, whole, 12 MiB', 'appCpuMs');
  const peaks = cases.map(({ fits, row }) => ({ fits, peakMb: figureOf(run, row, 'peakMib') * MIB_IN_MB }));
  const lines = instances.map(({ memoryMb, cores }) => {
    const nodeMb = memoryMb + EXTRA_MB - SET_ASIDE_MB;
    const fitting = peaks.filter(({ peakMb }) => peakMb <= nodeMb).at(-1);
    return [
      `${memoryMb} MB, ${cores === 1 ? '1 core' : `${cores} cores`}`,
      `${Math.floor((cores * 1000) / transcriptMs)} a second`,
      `${((cores * 1000) / recordingMs).toFixed(1)} a second`,
      `${nodeMb} MB`,
      fitting === undefined ? 'none' : `${fitting.fits} (${Math.round(fitting.peakMb)} MB)`,
    ];
  });
  const head = [
    'instance',
    'transcripts of 30 kB',
    'or recordings of 12 MiB',
    'memory for Node',
    'at once, as measured',
  ];
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function figureOf({ rows }: Run, what: string, name: string): number {
  const figure = rows.find((row) => row.what === what)?.figures[name];
  if (figure === undefined) throw new Error(`The run has no ${name} of "${what}"`);
  return typeof figure === 'number' ? figure : figure.median;
}
